import { createHash } from 'node:crypto'
import type { Digest, DigestAlgorithm } from '../domain/digest.ts'
import { algorithmOf, digestOfHex } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Edge, ParsedManifest } from '../domain/manifest.ts'
import { parseManifest } from '../domain/manifest.ts'
import type { Reference, TagName } from '../domain/reference.ts'
import { manifestAssociatedData, sealManifest } from '../encryption/tink-aead.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { holdLink } from '../metadata/tables/blobs.ts'
import { countFirstPush, countPushAgain } from '../metadata/tables/counters.ts'
import {
  holdManifest,
  insertEdges,
  insertManifest,
  lockManifest,
  renewManifestLease,
} from '../metadata/tables/manifests.ts'
import type { RepositoryRow } from '../metadata/tables/repositories.ts'
import { ensureRepository, holdRegistry } from '../metadata/tables/repositories.ts'
import { moveTag } from '../metadata/tables/tags.ts'
import type { RegistryDeps } from './deps.ts'
import type { Caller, Place, PushedManifest } from './registry.ts'

/** One push may set this many tags. */
export const MAX_TAGS_PER_PUSH = 100

interface Sealed {
  readonly digest: Digest
  readonly parsed: ParsedManifest
  readonly size: number
  readonly content: Uint8Array
  readonly dataKeyId: number
}

export async function pushManifest(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  reference: Reference,
  tags: readonly TagName[],
  manifest: { readonly mediaType: string | null; readonly bytes: Uint8Array },
): Promise<PushedManifest> {
  const names = tagsOf(reference, tags)
  const sealed = await seal(deps, place, reference, manifest)
  const counted = await deps.metadata.transact(async (sql) => {
    if (!(await holdRegistry(sql, place.registryId))) throw new DomainError('name_unknown', 'the registry was deleted')
    const repository = await ensureRepository(sql, place.registryId, place.repository, caller.name)
    const id = await storeManifest(sql, deps, repository, caller, sealed)
    for (const name of [...names].sort())
      await moveTag(sql, { repositoryId: repository.id, name, manifestId: id, digest: sealed.digest, by: caller.name })
    await deps.onEvent(sql, {
      kind: 'manifest_pushed',
      registryId: place.registryId,
      repositoryId: repository.id,
      manifestId: id,
      digest: sealed.digest,
      tags: names,
      actor: caller.name,
      address: caller.address ?? null,
    })
    return { repositoryId: repository.id, at: sql.now() }
  })
  deps.days.add('pushes', place.registryId, counted.repositoryId, counted.at)
  return { digest: sealed.digest, subject: sealed.parsed.subject, tags: names }
}

function tagsOf(reference: Reference, tags: readonly TagName[]): TagName[] {
  if (tags.length > MAX_TAGS_PER_PUSH)
    throw new DomainError(
      'tag_invalid',
      `one push may set at most ${MAX_TAGS_PER_PUSH} tags; this one names ${tags.length}`,
    )
  return [...new Set(reference.kind === 'tag' ? [reference.tag, ...tags] : tags)]
}

async function seal(
  deps: RegistryDeps,
  place: Place,
  reference: Reference,
  { mediaType, bytes }: { readonly mediaType: string | null; readonly bytes: Uint8Array },
): Promise<Sealed> {
  const { maxManifestBytes } = deps.limits
  if (bytes.byteLength > maxManifestBytes)
    throw new DomainError(
      'manifest_too_large',
      `the manifest has ${bytes.byteLength} bytes; at most ${maxManifestBytes} are allowed`,
    )
  const algorithm: DigestAlgorithm = reference.kind === 'digest' ? algorithmOf(reference.digest) : 'sha256'
  const digest = digestOfHex(algorithm, createHash(algorithm).update(bytes).digest('hex'))
  if (reference.kind === 'digest' && reference.digest !== digest)
    throw new DomainError('digest_mismatch', `the body's digest is ${digest}, the path says ${reference.digest}`)
  const parsed = parseManifest(bytes, mediaType)
  const key = await deps.keyring.current(place.registryId)
  const content = sealManifest(key.manifests, bytes, manifestAssociatedData(place.registryId, digest))
  return { digest, parsed, size: bytes.byteLength, content, dataKeyId: key.id }
}

const TRIES = 5

/** The row's id, new or found; references are checked and held either way, and the push is counted. */
async function storeManifest(
  sql: Transaction,
  deps: RegistryDeps,
  repository: RepositoryRow,
  caller: Caller,
  { digest, parsed, size, content, dataKeyId }: Sealed,
): Promise<number> {
  await holdReferences(sql, repository, parsed.edges)
  const leaseUntil = sql.now() + deps.limits.leaseMs
  const { mediaType, artifactType, subject } = parsed
  const row = { digest, mediaType, artifactType, size, content, dataKeyId, subject, pushedBy: caller.name, leaseUntil }
  for (let tries = 0; tries < TRIES; tries += 1) {
    const id = await insertManifest(sql, { repositoryId: repository.id, ...row })
    if (id !== null) {
      await insertEdges(sql, id, repository.id, parsed.edges)
      await countFirstPush(sql, { manifestId: id, repository, pushedBy: caller.name })
      return id
    }
    const known = await lockManifest(sql, repository.id, digest)
    if (known) {
      await renewManifestLease(sql, known.id, leaseUntil)
      await countPushAgain(sql, known.id, repository.id)
      return known.id
    }
  }
  throw new DomainError('unavailable', `manifest ${digest} was deleted while it was pushed; push again`)
}

/**
 * Config and layers must be there (design.md 7); child manifests and the subject may be missing, but children that exist
 * are held, so that a parent's push and the deletion of its child cannot pass each other. In digest order: no deadlocks.
 */
async function holdReferences(sql: Transaction, repository: RepositoryRow, edges: readonly Edge[]): Promise<void> {
  const children = edges.filter((edge) => edge.kind === 'child').map((edge) => edge.digest)
  for (const digest of [...new Set(children)].sort()) await holdManifest(sql, repository.id, digest)
  const content = Map.groupBy(
    edges.filter((edge) => edge.kind === 'config' || edge.kind === 'layer'),
    (edge) => edge.digest,
  )
  for (const [, same] of [...content].sort(([a], [b]) => (a < b ? -1 : 1))) await holdContent(sql, repository, same)
}

/** One blob, however often the manifest names it: as a config it must be there even if it is also a layer from elsewhere. */
async function holdContent(sql: Transaction, repository: RepositoryRow, same: readonly Edge[]): Promise<void> {
  const edge = same.find(({ required }) => required) ?? same[0]
  if (!edge) return
  const held = await holdLink(sql, repository.id, edge.digest)
  if (!held) {
    if (!edge.required) return
    throw new DomainError(
      'manifest_blob_unknown',
      `${edge.kind} ${edge.digest} is not in repository "${repository.name}"; push or mount the blob before the manifest`,
      { detail: { digest: edge.digest } },
    )
  }
  const wrong = same.find(({ size }) => size !== held.size)
  if (wrong)
    throw new DomainError(
      'size_invalid',
      `the manifest says that ${wrong.kind} ${wrong.digest} has ${wrong.size} bytes; it has ${held.size}`,
    )
}
