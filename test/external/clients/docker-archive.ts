import { createReadStream, createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { gunzipSync } from 'node:zlib'
import type { Descriptor } from './images.ts'
import { blobPath, readManifest } from './images.ts'
import { padding, TAR_END, tarHeader } from './tar.ts'

type ArchiveEntry = { name: string; size: number; body: () => AsyncIterable<Buffer> | Iterable<Buffer> }

/** Writes one image of a layout in the form of `docker save`, which every engine loads, named `reference`. */
export async function writeDockerArchive(path: string, folder: string, image: Descriptor, reference: string) {
  const { config, layers = [] } = await readManifest(folder, image.digest)
  if (!config) throw new Error(`${image.digest} has no config`)
  const entries = await Promise.all(layers.map((layer, i) => layerEntry(folder, layer, `layer-${i}.tar`)))
  entries.push(entry('config.json', await readFile(blobPath(folder, config.digest))))
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: layers.map((_, i) => `layer-${i}.tar`) }]
  entries.push(entry('manifest.json', Buffer.from(JSON.stringify(manifest))))
  await pipeline(archive(entries), createWriteStream(path))
}

async function* archive(entries: ArchiveEntry[]): AsyncGenerator<Buffer> {
  for (const { name, size, body } of entries) {
    yield tarHeader(name, size)
    yield* body()
    yield padding(size)
  }
  yield TAR_END
}

function entry(name: string, content: Buffer): ArchiveEntry {
  return { name, size: content.length, body: () => [content] }
}

/** Uncompressed layers, which may be big, are streamed. */
async function layerEntry(
  folder: string,
  { mediaType, digest, size }: Descriptor,
  name: string,
): Promise<ArchiveEntry> {
  const path = blobPath(folder, digest)
  if (mediaType.endsWith('+gzip')) return entry(name, gunzipSync(await readFile(path)))
  return { name, size, body: () => createReadStream(path, { highWaterMark: 1 << 20 }) }
}
