import { createHash, randomUUID } from 'node:crypto'
import type { Digest } from '../../src/domain/digest.ts'
import { algorithmOf, digestOfHex, isDigest } from '../../src/domain/digest.ts'
import { DomainError } from '../../src/domain/error.ts'
import type { Reference } from '../../src/domain/reference.ts'
import type {
  Caller,
  Manifest,
  OpenedBlob,
  Page,
  Place,
  ReferrerDescriptor,
  Registry,
  UploadBody,
} from '../../src/registry/registry.ts'

/** A registry in memory: a real small implementation of the acts, for journeys that are about the wire. */
export interface MemoryRegistry extends Registry {
  readonly repositories: Map<string, Repository>
  /** Acts called, by name, in order. */
  readonly acts: string[]
  /** Bytes of each chunk that `OpenedBlob.read` gives. */
  chunkBytes: number
  /** Blobs lie in memory, so that `peek` gives them. */
  hot: boolean
}

interface Repository {
  readonly blobs: Map<Digest, Buffer>
  readonly manifests: Map<Digest, Manifest & { readonly parsed: ParsedManifest }>
  readonly tags: Map<string, Digest>
}

interface ParsedManifest {
  readonly subject?: { readonly digest: Digest }
  readonly artifactType?: string
  readonly annotations?: Record<string, string>
  readonly config?: { readonly digest: Digest; readonly mediaType?: string }
  readonly layers?: { readonly digest: Digest }[]
}

interface Upload {
  readonly repository: string
  readonly caller: string
  bytes: Buffer
}

export function createMemoryRegistry(): MemoryRegistry {
  const repositories = new Map<string, Repository>()
  const uploads = new Map<string, Upload>()
  const acts: string[] = []
  const keyOf = (place: Place) => `${place.registryId}/${place.repository}`
  const find = (place: Place) => repositories.get(keyOf(place))
  const create = (place: Place): Repository => {
    const known = find(place)
    if (known) return known
    const created: Repository = { blobs: new Map(), manifests: new Map(), tags: new Map() }
    repositories.set(keyOf(place), created)
    return created
  }
  const digestOf = (place: Place, reference: Reference) =>
    reference.kind === 'digest' ? reference.digest : find(place)?.tags.get(reference.tag)
  const findManifest = (place: Place, reference: Reference) => {
    const digest = digestOf(place, reference)
    return (digest && find(place)?.manifests.get(digest)) || null
  }
  const ownUpload = (place: Place, caller: Caller, id: string): Upload => {
    const upload = uploads.get(id)
    if (upload?.repository === keyOf(place) && upload.caller === caller.key) return upload
    throw new DomainError('blob_upload_unknown', 'no such upload')
  }
  const append = async (upload: Upload, body: UploadBody): Promise<void> => {
    if (body.range && body.range.first !== upload.bytes.length) {
      const headers = { range: `0-${Math.max(0, upload.bytes.length - 1)}` }
      throw new DomainError('range_invalid', `the next chunk starts at ${upload.bytes.length}`, { headers })
    }
    const chunk = await readAll(body)
    if (body.range && chunk.length !== body.range.last - body.range.first + 1) {
      throw new DomainError('size_invalid', 'Content-Range and body differ')
    }
    upload.bytes = Buffer.concat([upload.bytes, chunk])
  }
  const acting =
    <A extends unknown[], R>(name: string, act: (...args: A) => Promise<R>) =>
    (...args: A) => {
      acts.push(name)
      return act(...args)
    }

  const registry: MemoryRegistry = {
    repositories,
    acts,
    chunkBytes: 1024 * 1024,
    hot: false,
    startUpload: acting('startUpload', async (place, caller) => {
      const id = randomUUID()
      uploads.set(id, { repository: keyOf(place), caller: caller.key, bytes: Buffer.alloc(0) })
      return { id, size: 0 }
    }),
    mountBlob: acting('mountBlob', async (place, caller, digest, from) => {
      const sources = from === null ? [...repositories.keys()] : [`${place.registryId}/${from}`]
      for (const source of sources) {
        const name = source.slice(source.indexOf('/') + 1) as Place['repository']
        const bytes = repositories.get(source)?.blobs.get(digest)
        if (!bytes || !source.startsWith(`${place.registryId}/`) || !caller.mayPull(name)) continue
        create(place).blobs.set(digest, bytes)
        return true
      }
      return false
    }),
    uploadStatus: acting('uploadStatus', async (place, caller, id) => ({
      id,
      size: ownUpload(place, caller, id).bytes.length,
    })),
    appendToUpload: acting('appendToUpload', async (place, caller, id, body) => {
      const upload = ownUpload(place, caller, id)
      await append(upload, body)
      return { id, size: upload.bytes.length }
    }),
    finishUpload: acting('finishUpload', async (place, caller, id, digest, body) => {
      const upload = ownUpload(place, caller, id)
      await append(upload, body)
      if (hashOf(digest, upload.bytes) !== digest) {
        uploads.delete(id)
        throw new DomainError('digest_mismatch', 'the bytes have another digest')
      }
      uploads.delete(id)
      create(place).blobs.set(digest, upload.bytes)
      return { digest, size: upload.bytes.length }
    }),
    cancelUpload: acting('cancelUpload', async (place, caller, id) => {
      ownUpload(place, caller, id)
      uploads.delete(id)
    }),
    statBlob: acting('statBlob', async (place, _caller, digest) => {
      const bytes = find(place)?.blobs.get(digest)
      return bytes ? { digest, size: bytes.length } : null
    }),
    openBlob: acting('openBlob', async (place, _caller, digest): Promise<OpenedBlob> => {
      const bytes = find(place)?.blobs.get(digest)
      if (!bytes) throw new DomainError('blob_unknown', `no blob ${digest} in this repository`)
      const read: OpenedBlob['read'] = (start, end) => chunksOf(bytes, start, end, registry.chunkBytes)
      const peek: OpenedBlob['peek'] = (start, end) => (registry.hot ? [bytes.subarray(start, end)] : null)
      return { digest, size: bytes.length, read, peek }
    }),
    deleteBlob: acting('deleteBlob', async (place, _caller, digest) => {
      const repository = find(place)
      if (!repository?.blobs.has(digest)) throw new DomainError('blob_unknown', `no blob ${digest}`)
      for (const [manifest, { parsed }] of repository.manifests) {
        const used = [parsed.config, ...(parsed.layers ?? [])].some((descriptor) => descriptor?.digest === digest)
        if (used) throw new DomainError('in_use', `manifest ${manifest} refers to it`)
      }
      repository.blobs.delete(digest)
    }),
    pullManifest: acting('pullManifest', async (place, _caller, reference) => {
      const manifest = findManifest(place, reference)
      if (manifest) return manifest
      throw new DomainError('manifest_unknown', 'no such manifest in this repository')
    }),
    statManifest: acting('statManifest', async (place, _caller, reference) => findManifest(place, reference)),
    pushManifest: acting('pushManifest', async (place, _caller, reference, tags, { mediaType, bytes }) => {
      const parsed = parseManifest(bytes)
      const body = Buffer.from(bytes)
      const digest = hashOf(reference.kind === 'digest' ? reference.digest : ('sha256:' as Digest), body)
      if (reference.kind === 'digest' && digest !== reference.digest) {
        throw new DomainError('digest_mismatch', 'the bytes have another digest')
      }
      const repository = create(place)
      const type = mediaType ?? 'application/vnd.oci.image.manifest.v1+json'
      repository.manifests.set(digest, { digest, mediaType: type, size: body.length, bytes: body, parsed })
      const moved = reference.kind === 'tag' ? [reference.tag] : tags
      for (const tag of moved) repository.tags.set(tag, digest)
      return { digest, subject: parsed.subject?.digest ?? null, tags: [...moved] }
    }),
    deleteManifest: acting('deleteManifest', async (place, _caller, reference) => {
      const repository = find(place)
      const digest = digestOf(place, reference)
      if (!repository || !digest || !repository.manifests.has(digest)) {
        throw new DomainError('manifest_unknown', 'no such manifest in this repository')
      }
      if (reference.kind === 'tag') repository.tags.delete(reference.tag)
      else {
        repository.manifests.delete(digest)
        for (const [tag, target] of repository.tags) if (target === digest) repository.tags.delete(tag)
      }
    }),
    listTags: acting('listTags', async (place, page) => {
      const repository = find(place)
      if (!repository) throw new DomainError('name_unknown', 'no such repository')
      return pageOf([...repository.tags.keys()], page)
    }),
    listReferrers: acting('listReferrers', async (place, subject, { artifactType }, page) => {
      const found = new Map<string, ReferrerDescriptor>()
      for (const manifest of find(place)?.manifests.values() ?? []) {
        const type = manifest.parsed.artifactType ?? manifest.parsed.config?.mediaType
        if (manifest.parsed.subject?.digest !== subject || (artifactType && artifactType !== type)) continue
        const { annotations } = manifest.parsed
        const { mediaType, digest, size } = manifest
        const descriptor: ReferrerDescriptor = {
          mediaType,
          digest,
          size,
          ...(type ? { artifactType: type } : {}),
          ...(annotations ? { annotations } : {}),
        }
        found.set(digest, descriptor)
      }
      const { names, more } = pageOf([...found.keys()], page)
      return { referrers: names.map((name) => found.get(name) as ReferrerDescriptor), more }
    }),
    listRepositories: acting('listRepositories', async (registryId, page) => {
      const prefix = `${registryId}/`
      const names = [...repositories.keys()].filter((key) => key.startsWith(prefix))
      return pageOf(
        names.map((key) => key.slice(prefix.length)),
        page,
      )
    }),
  }
  return registry
}

export function sha256(bytes: Uint8Array): Digest {
  return digestOfHex('sha256', createHash('sha256').update(bytes).digest('hex'))
}

export function sha512(bytes: Uint8Array): Digest {
  return digestOfHex('sha512', createHash('sha512').update(bytes).digest('hex'))
}

function pageOf(all: string[], page: Page): { names: string[]; more: boolean } {
  const rest = all.filter((name) => page.after === null || name > page.after).sort()
  return { names: rest.slice(0, page.limit), more: rest.length > page.limit }
}

function hashOf(digest: Digest, bytes: Buffer): Digest {
  const algorithm = algorithmOf(digest)
  return digestOfHex(algorithm, createHash(algorithm).update(bytes).digest('hex'))
}

function parseManifest(bytes: Uint8Array): ParsedManifest {
  try {
    const parsed = JSON.parse(Buffer.from(bytes).toString('utf8')) as ParsedManifest
    const subject: unknown = parsed?.subject?.digest
    if (typeof parsed !== 'object' || (subject !== undefined && !(typeof subject === 'string' && isDigest(subject)))) {
      throw new TypeError('not a manifest')
    }
    return parsed ?? {}
  } catch (cause) {
    throw new DomainError('manifest_invalid', 'the manifest is not readable JSON', { cause })
  }
}

async function* chunksOf(bytes: Buffer, start: number, end: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += size) yield bytes.subarray(at, Math.min(at + size, end))
}

function readAll({ stream }: UploadBody): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    if (stream.readableEnded) return resolve(Buffer.alloc(0))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => resolve(Buffer.concat(chunks)))
    stream.on('error', reject)
    stream.on('close', () => reject(new DomainError('blob_upload_invalid', 'the connection ended early')))
  })
}
