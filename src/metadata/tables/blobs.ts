import type { Reader, Transaction } from '../metadata-store.ts'
import { forShareOf, forUpdateOf } from '../sql.ts'

/** A blob as one repository may serve it. */
export interface LinkedBlob {
  readonly link_id: number
  readonly lease_until: number
  readonly blob_id: number
  readonly registry_id: number
  readonly digest: string
  readonly size: number
}

/** The blob if this repository may serve it: link, blob, repository and registry all live. */
export async function findLinkedBlob(sql: Reader, registryId: number, repository: string, digest: string) {
  return await sql.get<LinkedBlob>`
    SELECT l.id AS link_id, l.lease_until, b.id AS blob_id, b.registry_id, b.digest, b.size
      FROM repositories r
      JOIN registries g ON g.id = r.registry_id
      JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ${digest} AND l.delete_id IS NULL
      JOIN blobs b ON b.id = l.blob_id AND b.state = 'live'
     WHERE r.registry_id = ${registryId} AND r.name = ${repository} AND r.delete_id IS NULL AND g.delete_id IS NULL`
}

/** Where in the registry a blob could be mounted from. */
export async function findLinks(sql: Reader, registryId: number, digest: string, limit: number) {
  return await sql.all<{ link_id: number; blob_id: number; repository: string }>`
    SELECT l.id AS link_id, b.id AS blob_id, r.name AS repository
      FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id AND l.delete_id IS NULL
      JOIN repositories r ON r.id = l.repository_id AND r.delete_id IS NULL
     WHERE b.registry_id = ${registryId} AND b.digest = ${digest} AND b.state = 'live' LIMIT ${limit}`
}

/** The live blob of that digest, whoever may serve it. */
export async function findBlob(sql: Reader, registryId: number, digest: string) {
  return await sql.get<{ id: number; size: number }>`
    SELECT id, size FROM blobs WHERE registry_id = ${registryId} AND digest = ${digest} AND state = 'live'`
}

/** The live blob of that digest, held against the collector until the transaction ends. */
export async function holdBlob(sql: Transaction, registryId: number, digest: string) {
  return await sql.get<{ id: number; size: number }>`
    SELECT b.id, b.size FROM blobs b
     WHERE b.registry_id = ${registryId} AND b.digest = ${digest} AND b.state = 'live' ${forShareOf(sql, 'b')}`
}

/** The new blob's id, or null when a live one of that digest exists. */
export async function insertBlob(
  sql: Transaction,
  registryId: number,
  digest: string,
  size: number,
): Promise<number | null> {
  const row = await sql.get<{ id: number }>`
    INSERT INTO blobs (registry_id, digest, size, created_at) VALUES (${registryId}, ${digest}, ${size}, ${sql.now()})
    ON CONFLICT (registry_id, digest) WHERE state = 'live' DO NOTHING RETURNING id`
  return row?.id ?? null
}

/** Lets a repository serve a blob, leased: whoever was told so need not upload it. The link's id. */
export async function linkBlob(
  sql: Transaction,
  link: { repositoryId: number; digest: string; blobId: number; leaseUntil: number },
): Promise<number> {
  const row = await sql.get<{ id: number }>`
    INSERT INTO repository_blobs (repository_id, digest, blob_id, lease_until, created_at)
    VALUES (${link.repositoryId}, ${link.digest}, ${link.blobId}, ${link.leaseUntil}, ${sql.now()})
    ON CONFLICT (repository_id, digest) WHERE delete_id IS NULL
    DO UPDATE SET lease_until = ${link.leaseUntil}, blob_id = ${link.blobId} RETURNING id`
  if (!row) throw new TypeError('an upsert returns its row')
  return row.id
}

/** @returns false when the link is not live any more: whoever was told "present" must be told "absent". */
export async function renewLinkLease(sql: Transaction, linkId: number, until: number): Promise<boolean> {
  return (
    (await sql.run`UPDATE repository_blobs SET lease_until = ${until} WHERE id = ${linkId} AND delete_id IS NULL`) === 1
  )
}

export async function lockLink(sql: Transaction, repositoryId: number, digest: string) {
  return await sql.get<{ id: number; blob_id: number }>`
    SELECT l.id, l.blob_id FROM repository_blobs l
     WHERE l.repository_id = ${repositoryId} AND l.digest = ${digest} AND l.delete_id IS NULL ${forUpdateOf(sql, 'l')}`
}

/** The size of each linked blob, held against deletion. Called in digest order, so that two pushes cannot deadlock. */
export async function holdLink(sql: Transaction, repositoryId: number, digest: string) {
  return await sql.get<{ size: number }>`
    SELECT b.size FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id AND b.state = 'live'
     WHERE l.repository_id = ${repositoryId} AND l.digest = ${digest} AND l.delete_id IS NULL ${forShareOf(sql, 'l', 'b')}`
}

export async function tombstoneLink(sql: Transaction, id: number, deleteId: number): Promise<void> {
  await sql.run`UPDATE repository_blobs SET delete_id = ${deleteId} WHERE id = ${id} AND delete_id IS NULL`
}

export interface BlobPart {
  readonly object_id: string
  readonly start: number
  readonly size: number
  readonly data_key_id: number
}

/** The objects a blob consists of, in order. Immutable by blob id: may be cached. */
export async function blobParts(sql: Reader, blobId: number): Promise<BlobPart[]> {
  return await sql.all<BlobPart>`
    SELECT p.object_id, p.start, p.size, o.data_key_id FROM blob_objects p JOIN objects o ON o.id = p.object_id
     WHERE p.blob_id = ${blobId} ORDER BY p.position`
}

export async function insertBlobPart(
  sql: Transaction,
  part: { blobId: number; position: number; objectId: string; start: number; size: number },
): Promise<void> {
  await sql.run`
    INSERT INTO blob_objects (blob_id, position, object_id, start, size)
    VALUES (${part.blobId}, ${part.position}, ${part.objectId}, ${part.start}, ${part.size})`
}
