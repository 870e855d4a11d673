import { createCipheriv, createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { padding, TAR_END, tar, tarHeader } from './tar.ts'

/** `artifact` has a blob of zero bytes; `subject` is one that points at `image`; `big` has one layer of more than 2^31 bytes. */
export const KINDS = ['image', 'index', 'zstd', 'artifact', 'subject', 'big'] as const
export type Kind = (typeof KINDS)[number]

export interface Descriptor {
  mediaType: string
  digest: string
  size: number
  artifactType?: string
  platform?: { os: string; architecture: string }
  annotations?: Record<string, string>
}

export interface Manifest {
  mediaType: string
  artifactType?: string
  config?: Descriptor
  layers?: Descriptor[]
  manifests?: Descriptor[]
  subject?: Descriptor
}

/** One thing to push, as an OCI image layout on disk whose index names it `it`. */
export interface Image {
  kind: Kind
  folder: string
  top: Descriptor
}

export const LAYOUT_TAG = 'it'
export const ARTIFACT_TYPE = 'application/vnd.entrepot.test.report+json'

const OCI = 'application/vnd.oci.image'
const MANIFEST = `${OCI}.manifest.v1+json`
const INDEX = `${OCI}.index.v1+json`
const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json'
const REF_NAME = 'org.opencontainers.image.ref.name'

const MAKERS: Record<Kind, (layout: Layout, bigBytes: number) => Promise<Descriptor>> = {
  image: (layout) => putImage(layout, 'amd64', 'gzip'),
  index: putIndex,
  zstd: (layout) => putImage(layout, 'amd64', 'zstd'),
  artifact: (layout) => putArtifact(layout, { 'report.txt': `a report ${layout.seed}\n`, 'empty.bin': '' }),
  // The subject itself is not part of this layout: it is pushed first, as `image`.
  subject: async (layout) =>
    putArtifact(layout, { 'report.txt': 'about the image\n' }, await putImage(new Layout(), 'amd64', 'gzip')),
  big: putBigImage,
}

/** The same bytes every time, except that `seed` makes another image of the same shape. */
export async function makeImage(folder: string, kind: Kind, { seed = '', bigBytes = 2 ** 31 } = {}): Promise<Image> {
  const layout = new Layout(folder, seed)
  const top = await MAKERS[kind](layout, bigBytes)
  const named = { ...top, annotations: { ...top.annotations, [REF_NAME]: LAYOUT_TAG } }
  await layout.write('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await layout.write('index.json', JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [named] }))
  return { kind, folder, top }
}

/** Every descriptor reachable from `top` in the layout at `folder`, itself first; the subject is not followed. */
export async function closure(folder: string, top: Descriptor): Promise<Descriptor[]> {
  if (top.mediaType !== MANIFEST && top.mediaType !== INDEX) return [top]
  const manifest = await readManifest(folder, top.digest)
  const children = [
    ...(manifest.manifests ?? []),
    ...(manifest.config ? [manifest.config] : []),
    ...(manifest.layers ?? []),
  ]
  const below = await Promise.all(children.map((child) => closure(folder, child)))
  return [top, ...below.flat()]
}

export async function readManifest(folder: string, digest: string): Promise<Manifest> {
  return JSON.parse(await readFile(blobPath(folder, digest), 'utf8'))
}

/** The images (not the index over them) that `image` consists of: one, or one per platform. */
export async function platformImages(image: Image): Promise<(Descriptor & { config: Descriptor })[]> {
  const top = await readManifest(image.folder, image.top.digest)
  const all = top.manifests ?? [image.top]
  return Promise.all(
    all.map(async (one) => {
      const { config } = await readManifest(image.folder, one.digest)
      if (!config) throw new Error(`${one.digest} has no config`)
      return { ...one, config }
    }),
  )
}

export function blobPath(folder: string, digest: string): string {
  return join(folder, 'blobs', ...digest.split(':'))
}

export function sha256(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

/** Writes blobs into an OCI image layout; without a folder it only computes their descriptors. */
class Layout {
  readonly #folder: string | undefined
  readonly seed: string

  constructor(folder?: string, seed = '') {
    this.#folder = folder
    this.seed = seed
  }

  async write(name: string, content: string | Buffer): Promise<void> {
    if (!this.#folder) return
    await mkdir(join(this.#folder, 'blobs', 'sha256'), { recursive: true })
    await writeFile(join(this.#folder, name), content)
  }

  async put(mediaType: string, content: string | Buffer): Promise<Descriptor> {
    const digest = sha256(content)
    await this.write(blobPath('', digest), content)
    return { mediaType, digest, size: Buffer.byteLength(content) }
  }

  putJson(mediaType: string, value: object): Promise<Descriptor> {
    return this.put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, ...value }))
  }

  /** Streams a blob that does not fit into memory. */
  async putStream(mediaType: string, chunks: () => Iterable<Buffer>): Promise<Descriptor> {
    if (!this.#folder) throw new TypeError('a big blob needs a folder')
    const unnamed = join(this.#folder, 'unnamed')
    const hash = createHash('sha256')
    let size = 0
    function* tally() {
      for (const chunk of chunks()) {
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
    }
    await this.write('oci-layout', '')
    await pipeline(tally, createWriteStream(unnamed))
    const digest = `sha256:${hash.digest('hex')}`
    await rename(unnamed, blobPath(this.#folder, digest))
    return { mediaType, digest, size }
  }
}

async function putImage(layout: Layout, architecture: string, compression: 'gzip' | 'zstd'): Promise<Descriptor> {
  const compress = compression === 'gzip' ? gzipSync : zstdCompressSync
  // Other layers than the gzip image has: podman would reuse those, which it knows by their uncompressed digest.
  const tars = layerTars(architecture, compression === 'gzip' ? layout.seed : `zstd ${layout.seed}`)
  const layers: Descriptor[] = []
  for (const each of tars) layers.push(await layout.put(`${OCI}.layer.v1.tar+${compression}`, compress(each)))
  return putManifest(layout, architecture, layers, tars.map(sha256))
}

/** A base that every platform shares and a layer of its own. */
function layerTars(architecture: string, seed: string): Buffer[] {
  const noise = keystream(256 << 10).next().value as Buffer
  return [
    tar([
      { name: 'etc/' },
      { name: 'etc/os-release', content: `ID=entrepot\nSEED=${seed}\n` },
      { name: 'etc/noise', content: noise },
    ]),
    tar([{ name: 'app/' }, { name: 'app/run', content: `built for ${architecture} ${seed}\n` }]),
  ]
}

async function putManifest(layout: Layout, architecture: string, layers: Descriptor[], diffIds: string[]) {
  const config = await layout.put(
    `${OCI}.config.v1+json`,
    JSON.stringify({
      created: '2024-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config: { Entrypoint: ['/app/run'], Labels: { 'org.example.seed': layout.seed } },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: diffIds.map((_, i) => ({ created: '2024-01-01T00:00:00Z', created_by: `layer ${i}` })),
    }),
  )
  return layout.putJson(MANIFEST, { config, layers })
}

async function putIndex(layout: Layout): Promise<Descriptor> {
  const manifests: Descriptor[] = []
  for (const architecture of ['amd64', 'arm64']) {
    const manifest = await putImage(layout, architecture, 'gzip')
    manifests.push({ ...manifest, platform: { os: 'linux', architecture } })
  }
  return layout.putJson(INDEX, { manifests, annotations: { 'org.example.kind': 'two platforms' } })
}

/** An artifact with the empty config and files by name. */
async function putArtifact(layout: Layout, files: Record<string, string>, subject?: Descriptor): Promise<Descriptor> {
  const config = await layout.put(EMPTY_CONFIG, '{}')
  const layers: Descriptor[] = []
  for (const [name, content] of Object.entries(files)) {
    const layer = await layout.put('text/plain', content)
    layers.push({ ...layer, annotations: { 'org.opencontainers.image.title': name } })
  }
  const annotations = { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z' }
  const about = subject ? { subject } : {}
  const whole = { artifactType: ARTIFACT_TYPE, config, layers, ...about, annotations }
  return { ...(await layout.putJson(MANIFEST, whole)), artifactType: ARTIFACT_TYPE }
}

async function putBigImage(layout: Layout, bytes: number): Promise<Descriptor> {
  function* layerTar() {
    yield tarHeader('big.bin', bytes)
    yield* keystream(bytes)
    yield padding(bytes)
    yield TAR_END
  }
  const layer = await layout.putStream(`${OCI}.layer.v1.tar`, layerTar)
  return putManifest(layout, 'amd64', [layer], [layer.digest])
}

/** Bytes that do not compress, the same every time, at several GB/s: AES-CTR over zeros. */
function* keystream(bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const zeros = Buffer.alloc(Math.min(bytes, 4 << 20))
  for (let left = bytes; left > 0; left -= zeros.length)
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros)
}
