import assert from 'node:assert/strict'
import type { Digest } from '../../src/domain/digest.ts'
import { sha256 } from '../support/registry.ts'

/** Plaintext bytes of one object in these tests: small, so that blobs consist of several. */
export const OBJECT_BYTES = 20_000

export const REPOSITORIES = ['a', 'b', 'team/app'] as const
export const TAGS = ['latest', 'v1', 'v2'] as const

/** What blobs are made of: every size at which something changes. */
export const PAYLOADS: readonly Buffer[] = [
  0,
  1,
  700,
  OBJECT_BYTES - 1,
  OBJECT_BYTES,
  OBJECT_BYTES + 1,
  3 * OBJECT_BYTES,
].map((size, index) => Buffer.alloc(size, `payload ${index} `))

export const payload = (index: number): Buffer => PAYLOADS[index % PAYLOADS.length] as Buffer

interface StoredManifest {
  readonly bytes: Buffer
  readonly kind: 'image' | 'index'
  readonly references: readonly Digest[]
  readonly subject: Digest | null
}

interface Repository {
  readonly blobs: Map<Digest, Buffer>
  readonly manifests: Map<Digest, StoredManifest>
  readonly tags: Map<string, Digest>
}

export interface Session {
  readonly id: string
  readonly repository: string
  bytes: Buffer
  touchedAt: number
}

/** What a registry is, without storage, encryption, processes or time: the answer book. */
export class Oracle {
  readonly repositories = new Map<string, Repository>()
  sessions: Session[] = []
  /** Every digest that was ever pushed, so that what is gone is looked for. */
  readonly blobsEver = new Set<Digest>()
  readonly manifestsEver = new Map<Digest, Buffer>()

  find(repository: string): Repository | undefined {
    return this.repositories.get(repository)
  }

  make(repository: string): Repository {
    const known = this.find(repository)
    if (known) return known
    const made: Repository = { blobs: new Map(), manifests: new Map(), tags: new Map() }
    this.repositories.set(repository, made)
    return made
  }

  link(repository: string, bytes: Buffer): void {
    this.make(repository).blobs.set(sha256(bytes), bytes)
    this.blobsEver.add(sha256(bytes))
  }

  hasBlob(repository: string, digest: Digest): boolean {
    return this.find(repository)?.blobs.has(digest) ?? false
  }

  /** Whether a manifest may be pushed: its config and layers are there. */
  complete(repository: string, manifest: StoredManifest): boolean {
    return manifest.kind === 'index' || manifest.references.every((digest) => this.hasBlob(repository, digest))
  }

  store(repository: string, manifest: StoredManifest, tag: string | null): Digest {
    const digest = sha256(manifest.bytes)
    this.make(repository).manifests.set(digest, manifest)
    this.manifestsEver.set(digest, manifest.bytes)
    if (tag !== null) this.make(repository).tags.set(tag, digest)
    return digest
  }

  /** A live manifest of this kind that refers to `digest`. */
  referrer(repository: string, digest: Digest, kind: 'image' | 'index'): Digest | null {
    for (const [own, manifest] of this.find(repository)?.manifests ?? [])
      if (manifest.kind === kind && manifest.references.includes(digest)) return own
    return null
  }

  deleteManifest(repository: string, digest: Digest): void {
    const { manifests, tags } = this.make(repository)
    manifests.delete(digest)
    for (const [tag, target] of tags) if (target === digest) tags.delete(tag)
  }

  manifestsIn(repository: string): Digest[] {
    return [...(this.find(repository)?.manifests.keys() ?? [])].sort()
  }

  allManifests(): Digest[] {
    return [...this.manifestsEver.keys()].sort()
  }

  session(index: number): Session {
    const session = this.sessions[index % this.sessions.length]
    assert.ok(session)
    return session
  }

  end(session: Session): void {
    this.sessions = this.sessions.filter((one) => one !== session)
  }
}

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'

export function imageOf(config: Buffer, layers: readonly Buffer[], subject: Digest | null): StoredManifest {
  const descriptor = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: sha256(bytes), size: bytes.length })
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: IMAGE,
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')),
      ...(subject === null ? {} : { subject: { mediaType: IMAGE, digest: subject, size: 2 } }),
    }),
  )
  return { bytes, kind: 'image', references: [config, ...layers].map(sha256), subject }
}

export function indexOf(children: readonly Digest[]): StoredManifest {
  const manifests = children.map((digest) => ({ mediaType: IMAGE, digest, size: 2 }))
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }))
  return { bytes, kind: 'index', references: children, subject: null }
}
