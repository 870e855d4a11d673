import type { Digest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Reference } from '../domain/reference.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { lockLink, tombstoneLink } from '../metadata/tables/blobs.ts'
import { uncountManifest } from '../metadata/tables/counters.ts'
import { addDeletion } from '../metadata/tables/deletions.ts'
import { findReferrer, lockManifest, tombstoneManifest } from '../metadata/tables/manifests.ts'
import type { RepositoryRow } from '../metadata/tables/repositories.ts'
import { holdRepository } from '../metadata/tables/repositories.ts'
import { lockTag, recordTagMove, recordTagsGone, tombstoneTag } from '../metadata/tables/tags.ts'
import { markUsageStale } from '../metadata/tables/usage.ts'
import type { RegistryDeps } from './deps.ts'
import { manifestUnknown } from './pull-manifest.ts'
import type { Caller, Place } from './registry.ts'

/** Source: distribution-spec 1.1, "Deleting Tags", "Deleting Manifests"; design.md 7. */
export async function deleteManifest(
  deps: RegistryDeps,
  place: Place,
  caller: Caller,
  reference: Reference,
): Promise<void> {
  await deps.metadata.transact(async (sql) => {
    const repository = await holdRepository(sql, place.registryId, place.repository)
    if (!repository) throw manifestUnknown(place, reference)
    if (reference.kind === 'tag') await deleteTag(sql, deps, repository, place, caller, reference)
    else await deleteByDigest(sql, deps, repository, place, caller, reference)
  })
}

async function deleteTag(
  sql: Transaction,
  deps: RegistryDeps,
  repository: RepositoryRow,
  place: Place,
  caller: Caller,
  reference: Reference & { kind: 'tag' },
): Promise<void> {
  const tag = await lockTag(sql, repository.id, reference.tag)
  if (tag?.manifest_live !== 1) throw manifestUnknown(place, reference)
  const deleteId = await recordDeletion(sql, deps, place, caller, 'tag', `${place.repository}:${reference.tag}`)
  await tombstoneTag(sql, tag.id, deleteId)
  await recordTagMove(sql, {
    repositoryId: repository.id,
    name: reference.tag,
    from: tag.digest,
    to: null,
    by: caller.name,
  })
  await deps.onEvent(sql, {
    kind: 'tag_deleted',
    registryId: place.registryId,
    repositoryId: repository.id,
    tag: reference.tag,
    digest: tag.digest,
    actor: caller.name,
    address: caller.address ?? null,
  })
}

async function deleteByDigest(
  sql: Transaction,
  deps: RegistryDeps,
  repository: RepositoryRow,
  place: Place,
  caller: Caller,
  reference: Reference & { kind: 'digest' },
): Promise<void> {
  const { digest } = reference
  const manifest = await lockManifest(sql, repository.id, digest)
  if (!manifest) throw manifestUnknown(place, reference)
  const parent = await findReferrer(sql, repository.id, digest, 'child')
  if (parent) throw stillNeeded(`manifest ${digest}`, `index ${parent}`, 'delete the index first')
  const deleteId = await recordDeletion(sql, deps, place, caller, 'manifest', `${place.repository}@${digest}`)
  await recordTagsGone(sql, repository.id, manifest.id, digest, caller.name)
  await tombstoneManifest(sql, manifest.id, deleteId)
  await markUsageStale(sql, place.registryId)
  await uncountManifest(sql, manifest.id, repository.id)
  await deps.onEvent(sql, {
    kind: 'manifest_deleted',
    registryId: place.registryId,
    repositoryId: repository.id,
    manifestId: manifest.id,
    digest,
    actor: caller.name,
    address: caller.address ?? null,
  })
}

/** Source: distribution-spec 1.1, "Deleting Blobs". Hides this repository's link; the bytes are the collector's business. */
export async function deleteBlob(deps: RegistryDeps, place: Place, caller: Caller, digest: Digest): Promise<void> {
  await deps.metadata.transact(async (sql) => {
    const repository = await holdRepository(sql, place.registryId, place.repository)
    const link = repository ? await lockLink(sql, repository.id, digest) : null
    if (!repository || !link)
      throw new DomainError('blob_unknown', `blob ${digest} is not in repository "${place.repository}"`)
    const manifest = await findReferrer(sql, repository.id, digest, 'content')
    if (manifest) throw stillNeeded(`blob ${digest}`, `manifest ${manifest}`, 'delete the manifest first')
    const deleteId = await recordDeletion(sql, deps, place, caller, 'blob', `${place.repository}@${digest}`)
    await tombstoneLink(sql, link.id, deleteId)
    await markUsageStale(sql, place.registryId)
    await deps.onEvent(sql, {
      kind: 'blob_deleted',
      registryId: place.registryId,
      repositoryId: repository.id,
      digest,
      actor: caller.name,
      address: caller.address ?? null,
    })
  })
}

function stillNeeded(what: string, by: string, remedy: string): DomainError {
  return new DomainError('in_use', `${what} cannot be deleted: ${by} refers to it; ${remedy}`, {
    detail: { referredToBy: by },
  })
}

/** Hidden now, gone at the end of quarantine. */
async function recordDeletion(
  sql: Transaction,
  { limits }: RegistryDeps,
  { registryId }: Place,
  caller: Caller,
  kind: 'tag' | 'manifest' | 'blob',
  subject: string,
): Promise<number> {
  const purgeAfter = sql.now() + limits.quarantineMs
  return await addDeletion(sql, { kind, registryId, subject, deletedBy: caller.name, purgeAfter })
}
