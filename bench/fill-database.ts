import { DatabaseSync } from 'node:sqlite'

export type Counts = { repositories: number; tags: number }

/** Explicit ids begin here: above those the server has given, and its next ones continue behind them. */
const firstId = 10_000_000

/**
 * Copies what one push of a small image wrote, row by row, while the server is stopped: `repositories` repositories
 * `many/<number>` with that image, and one repository `long` with `tags` tags, each with a manifest of its own. Those of
 * `many` can be pulled (the same digest in the same registry is the same ciphertext); those of `long` only be listed.
 */
export function fill(path: string, seed: { repository: string; tag: string }, counts: Counts): void {
  using db = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  // A crash would cost this file, which can be made again.
  db.exec(
    'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA temp_store = MEMORY',
  )
  copySeed(db, seed)
  const { repositories, tags } = counts
  db.exec('BEGIN')
  numbers(db, repositories)
  const many = `${firstId} + n.i`
  insert(db, 'repositories', { id: many, name: `printf('many/%07d', n.i)` })
  insert(db, 'repository_counters', { repository_id: many })
  insert(db, 'repository_blobs', { id: null, repository_id: many })
  insert(db, 'manifests', { id: many, repository_id: many })
  insert(db, 'manifest_counters', { manifest_id: many })
  insert(db, 'manifest_edges', { manifest_id: many, repository_id: many })
  insert(db, 'tags', { id: null, repository_id: many, manifest_id: many })
  insert(db, 'tag_moves', { id: null, repository_id: many })
  const long = `${firstId + repositories + 1}`
  numbers(db, 1)
  insert(db, 'repositories', { id: long, name: `'long'` })
  insert(db, 'repository_counters', { repository_id: long })
  insert(db, 'repository_blobs', { id: null, repository_id: long })
  numbers(db, tags)
  const one = `${firstId + repositories + 1} + n.i`
  const tag = `printf('v%07d', n.i)`
  const digest = `'sha256:' || lower(hex(randomblob(32)))`
  insert(db, 'manifests', { id: one, repository_id: long, digest })
  insert(db, 'manifest_counters', { manifest_id: one })
  insert(db, 'manifest_edges', { manifest_id: one, repository_id: long })
  insert(db, 'tags', { id: null, repository_id: long, manifest_id: one, name: tag })
  insert(db, 'tag_moves', { id: null, repository_id: long, tag })
  db.exec('COMMIT')
}

const ofRepository = '= (SELECT id FROM repositories WHERE name = :repository)'
const ofManifest = `= (SELECT manifest_id FROM tags WHERE name = :tag AND repository_id ${ofRepository})`
const seeds = {
  repositories: 'name = :repository',
  repository_counters: `repository_id ${ofRepository}`,
  repository_blobs: `repository_id ${ofRepository}`,
  manifests: `id ${ofManifest}`,
  manifest_counters: `manifest_id ${ofManifest}`,
  manifest_edges: `manifest_id ${ofManifest}`,
  tags: `repository_id ${ofRepository}`,
  tag_moves: `repository_id ${ofRepository}`,
}

type Table = keyof typeof seeds

function copySeed(db: DatabaseSync, { repository, tag }: { repository: string; tag: string }): void {
  for (const [table, where] of Object.entries(seeds)) {
    const values = {
      ...(where.includes(':repository') ? { repository } : {}),
      ...(where.includes(':tag') ? { tag } : {}),
    }
    db.exec(`CREATE TEMP TABLE seed_${table} AS SELECT * FROM ${table} WHERE false`)
    const copied = db.prepare(`INSERT INTO seed_${table} SELECT * FROM ${table} WHERE ${where}`).run(values)
    if (copied.changes === 0) throw new Error(`a push leaves nothing in ${table}`)
  }
}

/** `n.i` runs from 0. */
function numbers(db: DatabaseSync, count: number): void {
  db.exec('DROP TABLE IF EXISTS numbers; CREATE TEMP TABLE numbers (i INTEGER PRIMARY KEY)')
  db.prepare(
    `INSERT INTO numbers WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < ?) SELECT i FROM s`,
  ).run(count)
}

/** The seed's rows once for each number, with these columns instead of theirs; null: given by the database. */
function insert(db: DatabaseSync, table: Table, changed: Record<string, string | null>): void {
  const names = db
    .prepare(`SELECT name FROM pragma_table_info('${table}')`)
    .all()
    .map((row) => String(row['name']))
  const kept = names.filter((name) => changed[name] !== null)
  const values = kept.map((name) => changed[name] ?? `s.${name}`)
  db.exec(`INSERT INTO ${table} (${kept}) SELECT ${values} FROM numbers n CROSS JOIN seed_${table} s ORDER BY n.i`)
}
