import type { Edge } from '../../domain/manifest.ts'
import type { Reader, Transaction } from '../metadata-store.ts'
import { forShareOf, forUpdateOf, literal, sql as piece } from '../sql.ts'

/** What every manifest answer needs, without the content. */
export interface ManifestRow {
  readonly id: number
  readonly repository_id: number
  readonly digest: string
  readonly media_type: string
  readonly size: number
  readonly data_key_id: number
  readonly lease_until: number
}

const COLUMNS = literal('m.id, m.repository_id, m.digest, m.media_type, m.size, m.data_key_id, m.lease_until')
// Visible = own row and all parents live (docs/garbage-collection.md, "One predicate").
const LIVE = literal('m.delete_id IS NULL AND r.delete_id IS NULL AND g.delete_id IS NULL')

export async function findManifestByTag(sql: Reader, registryId: number, repository: string, tag: string) {
  return await sql.get<ManifestRow>`
    SELECT ${COLUMNS} FROM repositories r
      JOIN registries g ON g.id = r.registry_id
      JOIN tags t ON t.repository_id = r.id AND t.name = ${tag} AND t.delete_id IS NULL
      JOIN manifests m ON m.id = t.manifest_id
     WHERE r.registry_id = ${registryId} AND r.name = ${repository} AND ${LIVE}`
}

export async function findManifestByDigest(sql: Reader, registryId: number, repository: string, digest: string) {
  return await sql.get<ManifestRow>`
    SELECT ${COLUMNS} FROM repositories r
      JOIN registries g ON g.id = r.registry_id
      JOIN manifests m ON m.repository_id = r.id AND m.digest = ${digest}
     WHERE r.registry_id = ${registryId} AND r.name = ${repository} AND ${LIVE}`
}

/** The sealed bytes. Immutable by id: may be cached. */
export async function manifestContent(sql: Reader, id: number): Promise<Uint8Array | null> {
  const row = await sql.get<{ content: Uint8Array }>`SELECT content FROM manifests WHERE id = ${id}`
  return row?.content ?? null
}

/** Locked against a parent's push, another delete and the collector. */
export async function lockManifest(sql: Transaction, repositoryId: number, digest: string) {
  return await sql.get<ManifestRow>`
    SELECT ${COLUMNS} FROM manifests m
     WHERE m.repository_id = ${repositoryId} AND m.digest = ${digest} AND m.delete_id IS NULL ${forUpdateOf(sql, 'm')}`
}

/** Held against deletion: shared, so that two parents of one child do not wait for each other. */
export async function holdManifest(sql: Transaction, repositoryId: number, digest: string): Promise<void> {
  await sql.get`
    SELECT m.id FROM manifests m
     WHERE m.repository_id = ${repositoryId} AND m.digest = ${digest} AND m.delete_id IS NULL ${forShareOf(sql, 'm')}`
}

export interface NewManifest {
  readonly repositoryId: number
  readonly digest: string
  readonly mediaType: string
  readonly artifactType: string | null
  readonly size: number
  readonly content: Uint8Array
  readonly dataKeyId: number
  readonly subject: string | null
  readonly pushedBy: string
  readonly leaseUntil: number
}

/** The new row's id, or null when a live one of that digest exists. */
export async function insertManifest(sql: Transaction, manifest: NewManifest): Promise<number | null> {
  const row = await sql.get<{ id: number }>`
    INSERT INTO manifests (repository_id, digest, media_type, artifact_type, size, content, data_key_id, subject, pushed_at, pushed_by, lease_until)
    VALUES (${manifest.repositoryId}, ${manifest.digest}, ${manifest.mediaType}, ${manifest.artifactType}, ${manifest.size},
            ${manifest.content}, ${manifest.dataKeyId}, ${manifest.subject}, ${sql.now()}, ${manifest.pushedBy}, ${manifest.leaseUntil})
    ON CONFLICT (repository_id, digest) WHERE delete_id IS NULL DO NOTHING RETURNING id`
  return row?.id ?? null
}

export async function insertEdges(sql: Transaction, manifestId: number, repositoryId: number, edges: readonly Edge[]) {
  for (const [position, edge] of edges.entries())
    await sql.run`
      INSERT INTO manifest_edges (manifest_id, position, repository_id, kind, digest, media_type, size)
      VALUES (${manifestId}, ${position}, ${repositoryId}, ${edge.kind}, ${edge.digest}, ${edge.mediaType}, ${edge.size})`
}

/** A live manifest of the repository that refers to `digest` in one of these ways, or null. */
export async function findReferrer(
  sql: Reader,
  repositoryId: number,
  digest: string,
  as: 'child' | 'content',
): Promise<string | null> {
  const kinds = as === 'child' ? literal(`e.kind = 'child'`) : literal(`e.kind IN ('config', 'layer')`)
  const row = await sql.get<{ digest: string }>`
    SELECT m.digest FROM manifest_edges e JOIN manifests m ON m.id = e.manifest_id
     WHERE e.repository_id = ${repositoryId} AND e.digest = ${digest} AND ${kinds} AND m.delete_id IS NULL LIMIT 1`
  return row?.digest ?? null
}

/** @returns false when the manifest is not live any more: whoever was told "present" must be told "absent". */
export async function renewManifestLease(sql: Transaction, id: number, until: number): Promise<boolean> {
  return (await sql.run`UPDATE manifests SET lease_until = ${until} WHERE id = ${id} AND delete_id IS NULL`) === 1
}

export async function tombstoneManifest(sql: Transaction, id: number, deleteId: number): Promise<void> {
  await sql.run`UPDATE manifests SET delete_id = ${deleteId} WHERE id = ${id} AND delete_id IS NULL`
}

export interface ReferrerRow extends ManifestRow {
  readonly artifact_type: string | null
}

/** Manifests whose subject is `subject`, in digest order. Source: distribution-spec 1.1, "Listing Referrers". */
export async function listReferrers(
  sql: Reader,
  query: {
    registryId: number
    repository: string
    subject: string
    artifactType: string | null
    after: string
    limit: number
  },
): Promise<ReferrerRow[]> {
  const filter = query.artifactType === null ? literal('') : piece`AND m.artifact_type = ${query.artifactType}`
  return await sql.all<ReferrerRow>`
    SELECT ${COLUMNS}, m.artifact_type FROM repositories r
      JOIN registries g ON g.id = r.registry_id
      JOIN manifests m ON m.repository_id = r.id AND m.subject = ${query.subject} AND m.digest > ${query.after} ${filter}
     WHERE r.registry_id = ${query.registryId} AND r.name = ${query.repository} AND ${LIVE}
     ORDER BY m.digest LIMIT ${query.limit}`
}
