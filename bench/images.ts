import { createHash, randomBytes } from 'node:crypto'
import type { Client } from './client.ts'

export const mib = 2 ** 20
export const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** A blob in one or more parts that are sent one after the other. */
export type Blob = { parts: readonly Buffer[]; size: number; digest: string }

export function blobOf(...parts: readonly Buffer[]): Blob {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return { parts, size: parts.reduce((sum, part) => sum + part.length, 0), digest: `sha256:${hash.digest('hex')}` }
}

const bodies = new Map<number, Blob>()

/** The blob of this size that zb pushes everywhere: 4 KiB of random bytes, then zeros. */
export function commonBlob(size: number): Blob {
  const known = bodies.get(size)
  if (known !== undefined) return known
  const body = Buffer.alloc(size)
  randomBytes(4096).copy(body)
  const made = blobOf(body)
  bodies.set(size, made)
  return made
}

const tails = new Map<number, Buffer>()

/** A blob of random bytes that is like no other: a part of its own, then one that all of this size share in memory. */
export function uniqueBlob(size: number): Blob {
  const head = randomBytes(4096)
  const tail = tails.get(size) ?? randomBytes(size - head.length)
  tails.set(size, tail)
  return blobOf(head, tail)
}

const configBody = {
  created: '2011-01-01T01:01:01Z',
  author: 'bench',
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
}
export const config = blobOf(Buffer.from(JSON.stringify(configBody, null, '\t')))

export function manifestOf(layer: Blob): Blob {
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.size },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: layer.size }],
  }
  return blobOf(Buffer.from(JSON.stringify(manifest, null, '\t')))
}

export type Image = { repository: string; tag: string; digest: string; bytes: number }

/** How a blob travels: POST and PUT; or POST, PATCH and PUT, as docker does. */
export type Upload = 'monolith' | 'streamed'

export async function pushImage(client: Client, target: Target, layer: Blob, how: Upload): Promise<Image> {
  const { repository, tag } = target
  await pushBlob(client, repository, layer, how)
  await pushBlob(client, repository, config, how)
  const manifest = manifestOf(layer)
  await pushManifest(client, target, manifest)
  return { repository, tag, digest: manifest.digest, bytes: layer.size + config.size + manifest.size }
}

export type Target = { repository: string; tag: string }

export async function pushManifest(client: Client, { repository, tag }: Target, manifest: Blob): Promise<void> {
  const headers = { 'content-type': manifestType }
  await client.call('PUT', `/v2/${repository}/manifests/${tag}`, { body: manifest.parts, headers, want: 201 })
}

export async function pushBlob(client: Client, repository: string, blob: Blob, how: Upload): Promise<void> {
  let location = await startUpload(client, repository)
  if (how === 'monolith') {
    await client.call('PUT', withDigest(location, blob.digest), { body: blob.parts, want: 201 })
    return
  }
  // zb sends an empty chunk ahead of the config.
  if (blob === config) await client.call('PATCH', location, { body: [], want: 202 })
  const sent = await client.call('PATCH', location, { body: blob.parts, want: 202 })
  location = sent.header('location') ?? location
  await client.call('PUT', withDigest(location, blob.digest), { want: 201 })
}

export async function startUpload(client: Client, repository: string): Promise<string> {
  const { header } = await client.call('POST', `/v2/${repository}/blobs/uploads/`, { want: 202 })
  const location = header('location')
  if (location === undefined) throw new Error('an upload without a location')
  return location
}

export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
}

type Descriptor = { digest: string; size: number }
type Manifest = { config: Descriptor; layers: Descriptor[] }

/** HEAD and GET of the manifest and of each blob. Resolves to the bytes of all bodies. */
export async function pullImage(client: Client, { repository, tag }: Target): Promise<number> {
  const location = `/v2/${repository}/manifests/${tag}`
  const headers = { accept: manifestType }
  await client.call('HEAD', location, { headers, want: 200 })
  const { body } = await client.call('GET', location, { headers, want: 200, keep: true })
  const manifest = JSON.parse(body.toString()) as Manifest
  let bytes = body.length
  for (const { digest, size } of [manifest.config, ...manifest.layers]) {
    await client.call('HEAD', `/v2/${repository}/blobs/${digest}`, { want: 200 })
    const blob = await client.call('GET', `/v2/${repository}/blobs/${digest}`, { want: 200 })
    if (blob.bytes !== size) throw new Error(`${blob.bytes} bytes instead of ${size}`)
    bytes += size
  }
  return bytes
}

/** Deletes a repository's manifests and blobs. */
export async function deleteImages(client: Client, repository: string): Promise<void> {
  const { body } = await client.call('GET', `/v2/${repository}/tags/list`, { want: 200, keep: true })
  const { tags } = JSON.parse(body.toString()) as { tags: string[] | null }
  for (const tag of tags ?? []) {
    const found = await client.call('GET', `/v2/${repository}/manifests/${tag}`, {
      headers: { accept: manifestType },
      want: 200,
      keep: true,
    })
    const manifest = JSON.parse(found.body.toString()) as Manifest
    const digest = found.header('docker-content-digest')
    await client.call('DELETE', `/v2/${repository}/manifests/${digest}`, { want: 202 })
    for (const blob of [...manifest.layers, manifest.config]) {
      await client.call('DELETE', `/v2/${repository}/blobs/${blob.digest}`, { want: 202 })
    }
  }
}
