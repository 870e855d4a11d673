// 0002, part of `control-plane`: what lists of repositories and artifacts are ordered by. The words in braces: 0001.
//
// Each order is one index over listed rows that begins with what it is listed within and ends with the id, so that a page
// costs the same however much there is. A time of 0 is never (NULL sorts first on one engine and last on the other).
//
// A new manifest differs from its neighbours in one thing, the time of its push: it was pushed once, never pulled and never
// scanned. So it stands in two pairs of indexes only: by push, and by `traits`, which holds those that are still as they
// were made. The others hold what has a trait (partial). Measured: a pair costs a push 10 µs; orders are nine.
//
// A program of migration 1 knows nothing of this: what it adds and counts during a rolling upgrade is adopted by a schedule.
export const contents: readonly string[] = [
  `ALTER TABLE repository_counters ADD COLUMN registry_id {int}`,
  // 1: listed. 0: deleted, but its artifacts are still in their registry's list. NULL: in no list.
  `ALTER TABLE repository_counters ADD COLUMN listing {int}`,
  `ALTER TABLE repository_counters ADD COLUMN artifact_count {int} NOT NULL DEFAULT 0`,
  // The worst of the artifact pushed last, as in domain/severity.ts; NULL: not known
  `ALTER TABLE repository_counters ADD COLUMN last_severity {int}`,
  `UPDATE repository_counters
      SET registry_id = r.registry_id, listing = CASE WHEN r.delete_id IS NULL THEN 1 ELSE 0 END,
          artifact_count = (SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id AND m.delete_id IS NULL),
          last_pushed_at = COALESCE(last_pushed_at, 0), last_pulled_at = COALESCE(last_pulled_at, 0)
     FROM repositories r WHERE r.id = repository_counters.repository_id`,
  ...['last_pushed_at', 'last_pulled_at', 'artifact_count', 'pull_count', 'push_count'].flatMap((column) => [
    `CREATE INDEX repository_counters_by_${column} ON repository_counters (registry_id, ${column}, repository_id)
      WHERE listing = 1`,
    `CREATE INDEX repository_counters_severe_by_${column}
         ON repository_counters (registry_id, last_severity, ${column}, repository_id)
      WHERE listing = 1 AND last_severity IS NOT NULL`,
  ]),
  `CREATE INDEX repository_counters_hidden ON repository_counters (registry_id, repository_id) WHERE listing = 0`,
  `CREATE INDEX repository_counters_unadopted ON repository_counters (repository_id) WHERE registry_id IS NULL`,

  `ALTER TABLE manifest_counters ADD COLUMN registry_id {int}`,
  `ALTER TABLE manifest_counters ADD COLUMN repository_id {int}`,
  `ALTER TABLE manifest_counters ADD COLUMN is_listed {int} NOT NULL DEFAULT 0`,
  // 1: was pulled, 2: was pushed again, 4: was scanned, 8: its findings are known
  `ALTER TABLE manifest_counters ADD COLUMN traits {int} NOT NULL DEFAULT 0`,
  // Of the manifest; there they lie behind the content, which may be megabytes.
  `ALTER TABLE manifest_counters ADD COLUMN created_at {int} NOT NULL DEFAULT 0`,
  `ALTER TABLE manifest_counters ADD COLUMN created_by {text} NOT NULL DEFAULT ''`,
  // Written with the trait 4.
  `ALTER TABLE manifest_counters ADD COLUMN last_scanned_at {int} NOT NULL DEFAULT 0`,
  // Written with the trait 8; else NULL.
  `ALTER TABLE manifest_counters ADD COLUMN max_severity {int}`,
  `ALTER TABLE manifest_counters ADD COLUMN score_tenths {int}`,
  `ALTER TABLE manifest_counters ADD COLUMN finding_count {int}`,
  `ALTER TABLE manifest_counters ADD COLUMN fixable_count {int}`,
  `UPDATE manifest_counters
      SET registry_id = r.registry_id, repository_id = r.id, is_listed = CASE WHEN m.delete_id IS NULL THEN 1 ELSE 0 END,
          traits = CASE WHEN pull_count > 0 THEN 1 ELSE 0 END + CASE WHEN push_count > 1 THEN 2 ELSE 0 END,
          last_pushed_at = COALESCE(last_pushed_at, 0), last_pulled_at = COALESCE(last_pulled_at, 0),
          created_at = m.pushed_at, created_by = m.pushed_by
     FROM manifests m JOIN repositories r ON r.id = m.repository_id WHERE m.id = manifest_counters.manifest_id`,
  ...[
    { column: 'last_pushed_at', and: '' },
    { column: 'traits', and: '' },
    { column: 'last_pulled_at', and: 'AND last_pulled_at > 0' },
    { column: 'pull_count', and: 'AND pull_count > 0' },
    { column: 'push_count', and: 'AND push_count > 1' },
    { column: 'last_scanned_at', and: 'AND last_scanned_at > 0' },
    { column: 'finding_count', and: 'AND finding_count IS NOT NULL' },
    { column: 'fixable_count', and: 'AND fixable_count IS NOT NULL' },
  ].flatMap(({ column, and }) => [
    // With the repository, so that those of deleted ones are passed over without a look at the row.
    `CREATE INDEX manifest_counters_by_${column} ON manifest_counters (registry_id, ${column}, manifest_id, repository_id)
      WHERE is_listed = 1 ${and}`,
    `CREATE INDEX manifest_counters_within_by_${column} ON manifest_counters (repository_id, ${column}, manifest_id)
      WHERE is_listed = 1 ${and}`,
  ]),
  ...['max_severity', 'score_tenths'].map(
    (
      column,
    ) => `CREATE INDEX manifest_counters_within_by_${column} ON manifest_counters (repository_id, ${column}, manifest_id)
      WHERE is_listed = 1 AND ${column} IS NOT NULL`,
  ),
  `CREATE INDEX manifest_counters_unadopted ON manifest_counters (manifest_id)
    WHERE registry_id IS NULL OR (pull_count > 0 AND (traits & 1) = 0) OR (push_count > 1 AND (traits & 2) = 0)`,

  // The tags of an artifact, in order, without a look at their rows.
  `DROP INDEX tags_of_manifest`,
  `CREATE INDEX tags_of_manifest ON tags (manifest_id, delete_id, name)`,
]
