import type { Reader, Transaction } from '../metadata-store.ts'
import { forShareOf } from '../sql.ts'

// What lists are ordered by: repository_counters and manifest_counters (migrations/0002-contents.ts says how they are
// indexed). They are written in the transaction of what they count, after the manifest's row; first those of the manifest.

interface CountedRepository {
  readonly id: number
  readonly registry_id: number
}

export async function startRepositoryCounters(sql: Transaction, { id, registry_id }: CountedRepository): Promise<void> {
  await sql.run`
    INSERT INTO repository_counters (repository_id, registry_id, listing, last_pushed_at, last_pulled_at)
    VALUES (${id}, ${registry_id}, 1, 0, 0)`
}

/** Of a manifest whose row was just made. */
export async function countFirstPush(
  sql: Transaction,
  push: { readonly manifestId: number; readonly repository: CountedRepository; readonly pushedBy: string },
): Promise<void> {
  const now = sql.now()
  const { manifestId, repository, pushedBy } = push
  await sql.run`
    INSERT INTO manifest_counters (manifest_id, registry_id, repository_id, is_listed, push_count, last_pushed_at,
                                   last_pulled_at, created_at, created_by)
    VALUES (${manifestId}, ${repository.registry_id}, ${repository.id}, 1, 1, ${now}, 0, ${now}, ${pushedBy})`
  await sql.run`
    UPDATE repository_counters
       SET push_count = push_count + 1, artifact_count = artifact_count + 1, last_pushed_at = ${now}, last_severity = NULL
     WHERE repository_id = ${repository.id}`
}

/** Of a manifest that was there, and live. */
export async function countPushAgain(sql: Transaction, manifestId: number, repositoryId: number): Promise<void> {
  const now = sql.now()
  await sql.run`
    UPDATE manifest_counters SET push_count = push_count + 1, last_pushed_at = ${now}, traits = traits | 2
     WHERE manifest_id = ${manifestId}`
  await sql.run`
    UPDATE repository_counters
       SET push_count = push_count + 1, last_pushed_at = ${now},
           last_severity = (SELECT max_severity FROM manifest_counters WHERE manifest_id = ${manifestId})
     WHERE repository_id = ${repositoryId}`
}

/** Of a manifest that is being deleted: what its repository has had of pushes and pulls, it has had. */
export async function uncountManifest(sql: Transaction, manifestId: number, repositoryId: number): Promise<void> {
  await sql.run`UPDATE manifest_counters SET is_listed = 0 WHERE manifest_id = ${manifestId}`
  await sql.run`
    UPDATE repository_counters SET artifact_count = artifact_count - 1 WHERE repository_id = ${repositoryId}`
}

export async function addManifestPulls(
  sql: Transaction,
  id: number,
  pulls: number,
  lastPulledAt: number,
): Promise<void> {
  await sql.run`
    UPDATE manifest_counters SET pull_count = pull_count + ${pulls}, last_pulled_at = ${lastPulledAt}, traits = traits | 1
     WHERE manifest_id = ${id}`
}

export async function addRepositoryPulls(
  sql: Transaction,
  id: number,
  pulls: number,
  lastPulledAt: number,
): Promise<void> {
  await sql.run`
    UPDATE repository_counters SET pull_count = pull_count + ${pulls}, last_pulled_at = ${lastPulledAt} WHERE repository_id = ${id}`
}

/**
 * Takes a repository that is being deleted out of its registry's list. Its artifacts follow in small steps
 * (`hideArtifacts`); until then lists pass over them.
 */
export async function hideRepository(sql: Transaction, repositoryId: number): Promise<void> {
  await sql.run`UPDATE repository_counters SET listing = 0 WHERE repository_id = ${repositoryId}`
}

/** Deleted repositories whose artifacts still stand in lists. */
export async function hiddenRepositories(sql: Reader, limit: number): Promise<number[]> {
  const rows = await sql.all<{ repository_id: number }>`
    SELECT repository_id FROM repository_counters WHERE listing = 0 LIMIT ${limit}`
  return rows.map((row) => row.repository_id)
}

/**
 * One step: at most `limit` artifacts. The repository is held, so that none is hidden while it is being restored.
 * @returns whether there is nothing left to do.
 */
export async function hideArtifacts(sql: Transaction, repositoryId: number, limit: number): Promise<boolean> {
  const deleted = await sql.get`
    SELECT r.id FROM repositories r WHERE r.id = ${repositoryId} AND r.delete_id IS NOT NULL ${forShareOf(sql, 'r')}`
  if (deleted === null) return true
  const hidden = await sql.run`
    UPDATE manifest_counters SET is_listed = 0 WHERE manifest_id IN (
      SELECT manifest_id FROM manifest_counters
       WHERE repository_id = ${repositoryId} AND is_listed = 1 ORDER BY last_pushed_at, manifest_id LIMIT ${limit})`
  if (hidden === limit) return false
  await sql.run`UPDATE repository_counters SET listing = NULL WHERE repository_id = ${repositoryId} AND listing = 0`
  return true
}

/**
 * Rows that a program of migration 1 made or counted in during a rolling upgrade get what they are listed by; at most
 * `limit` of each kind. Usually there are none, and indexes say so. @returns how many.
 */
export async function adoptCounters(sql: Transaction, limit: number): Promise<number> {
  const repositories = await sql.run`
    UPDATE repository_counters
       SET registry_id = r.registry_id, listing = CASE WHEN r.delete_id IS NULL THEN 1 ELSE 0 END,
           last_pushed_at = COALESCE(last_pushed_at, 0), last_pulled_at = COALESCE(last_pulled_at, 0)
      FROM repositories r
     WHERE r.id = repository_counters.repository_id AND repository_counters.repository_id IN (
       SELECT repository_id FROM repository_counters WHERE registry_id IS NULL ORDER BY repository_id LIMIT ${limit})`
  const manifests = await sql.all<{ repository_id: number }>`
    UPDATE manifest_counters
       SET registry_id = r.registry_id, repository_id = r.id, is_listed = CASE WHEN m.delete_id IS NULL THEN 1 ELSE 0 END,
           traits = (traits & 12) + CASE WHEN pull_count > 0 THEN 1 ELSE 0 END + CASE WHEN push_count > 1 THEN 2 ELSE 0 END,
           last_pushed_at = COALESCE(last_pushed_at, 0), last_pulled_at = COALESCE(last_pulled_at, 0),
           created_at = m.pushed_at, created_by = m.pushed_by
      FROM manifests m JOIN repositories r ON r.id = m.repository_id
     WHERE m.id = manifest_counters.manifest_id AND manifest_counters.manifest_id IN (
       SELECT manifest_id FROM manifest_counters
        WHERE registry_id IS NULL OR (pull_count > 0 AND (traits & 1) = 0) OR (push_count > 1 AND (traits & 2) = 0)
        ORDER BY manifest_id LIMIT ${limit})
    RETURNING manifest_counters.repository_id`
  for (const repositoryId of new Set(manifests.map((row) => row.repository_id)))
    await sql.run`
      UPDATE repository_counters SET artifact_count = (
        SELECT COUNT(*) FROM manifests m WHERE m.repository_id = ${repositoryId} AND m.delete_id IS NULL)
       WHERE repository_id = ${repositoryId}`
  return repositories + manifests.length
}
