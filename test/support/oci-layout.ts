import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, link, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGunzip, createZstdDecompress } from 'node:zlib'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'

/** An OCI image layout of one image, of layers that lie in files: linked where that is possible. */
export async function writeLayout(folder: string, layers: readonly string[], form: 'gzip' | 'zstd'): Promise<void> {
  const blobs = join(folder, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const put = async (value: unknown) => {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = createHash('sha256').update(bytes).digest('hex')
    await writeFile(join(blobs, digest), bytes)
    return { digest: `sha256:${digest}`, size: bytes.length }
  }
  const descriptors: { mediaType: string; digest: string; size: number }[] = []
  const diffIds: string[] = []
  for (const path of layers) {
    const digest = await digestOf(createReadStream(path))
    const place = join(blobs, digest)
    await link(path, place).catch(() => copyFile(path, place))
    const { size } = await stat(path)
    descriptors.push({ mediaType: `application/vnd.oci.image.layer.v1.tar+${form}`, digest: `sha256:${digest}`, size })
    const inflate = form === 'gzip' ? createGunzip() : createZstdDecompress()
    diffIds.push(`sha256:${await digestOf(createReadStream(path).pipe(inflate))}`)
  }
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const config = { mediaType: CONFIG, ...(await put({ os: 'linux', architecture: 'amd64', rootfs })) }
  const manifest = await put({ schemaVersion: 2, mediaType: MANIFEST, config, layers: descriptors })
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const index = { schemaVersion: 2, manifests: [{ mediaType: MANIFEST, ...manifest }] }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index))
}

async function digestOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest('hex')
}
