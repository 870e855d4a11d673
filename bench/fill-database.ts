import { DatabaseSync } from 'node:sqlite'

export type Counts = { registries: number; repositories: number; tags: number }

/** In one registry, whatever else there is: nobody has more. */
export const tokens = 1000

/** Explicit ids begin here: above those the server has given, and its next ones continue behind them. */
const firstId = 10_000_000

/**
 * Copies what one push of a small image wrote, row by row, while the server is stopped: `repositories` repositories
 * `many/<number>` with that image, and one repository `long` with `tags` tags, each with a manifest of its own. Those of
 * `many` can be pulled (the same digest in the same registry is the same ciphertext); those of `long` only be listed.
 * Beside it `registries` empty registries, as many people, a thousand tokens, and as many lines in the audit log as tags.
 * What lists are ordered by differs from row to row; of five artifacts three are scanned, one could not be read.
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
  insert(db, 'repository_counters', { repository_id: many, ...repositoryCounts })
  insert(db, 'repository_blobs', { id: null, repository_id: many })
  insert(db, 'manifests', { id: many, repository_id: many })
  insert(db, 'manifest_counters', { manifest_id: many, repository_id: many, ...artifactCounts })
  insert(db, 'manifest_edges', { manifest_id: many, repository_id: many })
  insert(db, 'tags', { id: null, repository_id: many, manifest_id: many })
  insert(db, 'tag_moves', { id: null, repository_id: many })
  const long = `${firstId + repositories + 1}`
  numbers(db, 1)
  insert(db, 'repositories', { id: long, name: `'long'` })
  insert(db, 'repository_counters', { repository_id: long, artifact_count: String(tags) })
  insert(db, 'repository_blobs', { id: null, repository_id: long })
  numbers(db, tags)
  const one = `${firstId + repositories + 1} + n.i`
  const tag = `printf('v%07d', n.i)`
  const digest = `'sha256:' || lower(hex(randomblob(32)))`
  insert(db, 'manifests', { id: one, repository_id: long, digest })
  insert(db, 'manifest_counters', { manifest_id: one, repository_id: long, ...artifactCounts })
  insert(db, 'manifest_edges', { manifest_id: one, repository_id: long })
  insert(db, 'tags', { id: null, repository_id: long, manifest_id: one, name: tag })
  insert(db, 'tag_moves', { id: null, repository_id: long, tag })
  insert(db, 'audit_events', { id: null, at: 's.at + n.i', public_id: uuid })
  fillAccount(db, counts.registries)
  db.exec('COMMIT')
}

function fillAccount(db: DatabaseSync, registries: number): void {
  numbers(db, registries)
  insert(db, 'registries', { id: null, public_id: uuid, name: `printf('empty-%07d', n.i)` })
  const person = `${firstId} + n.i`
  insert(db, 'identities', { id: person, user_id: uuid, email: `printf('p%07d@example.com', n.i)` })
  insert(db, 'memberships', { identity_id: person, role: `'member'` })
  numbers(db, tokens)
  insert(db, 'registry_tokens', { id: null, public_id: uuid, name: `printf('t%07d', n.i)` })
}

/** Spread without chance: 7919 and 104729 are primes. */
const spread = (below: number): string => `(n.i * 7919 + n.i / 7) % ${below}`
const isPulled = 'n.i % 3 > 0'
const pulls = {
  pull_count: `CASE WHEN ${isPulled} THEN 1 + ${spread(1009)} ELSE 0 END`,
  last_pulled_at: `CASE WHEN ${isPulled} THEN s.last_pushed_at + ${spread(86_400_000)} ELSE 0 END`,
}
const pushes = {
  push_count: 'CASE WHEN n.i % 4 = 0 THEN 2 + (n.i * 104729) % 97 ELSE 1 END',
  last_pushed_at: `s.last_pushed_at - ${spread(86_400_000)}`,
}
const known = (value: string): string => `CASE WHEN n.i % 5 < 3 THEN ${value} ELSE NULL END`
const severity = known(spread(6))

const repositoryCounts = {
  ...pulls,
  ...pushes,
  artifact_count: `1 + ${spread(501)}`,
  last_severity: severity,
}
const artifactCounts = {
  ...pulls,
  ...pushes,
  traits: `CASE WHEN ${isPulled} THEN 1 ELSE 0 END + CASE WHEN n.i % 4 = 0 THEN 2 ELSE 0 END
           + CASE n.i % 5 WHEN 4 THEN 0 WHEN 3 THEN 4 ELSE 12 END`,
  last_scanned_at: `CASE WHEN n.i % 5 < 4 THEN s.last_pushed_at + ${spread(86_400_000)} ELSE 0 END`,
  max_severity: severity,
  score_tenths: known(spread(5003)),
  finding_count: known(spread(307)),
  fixable_count: known(spread(101)),
}

const uuid = `printf('%08x-0000-4000-8000-%012x', n.i, n.i)`

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
  registries: `id = (SELECT registry_id FROM repositories WHERE name = :repository)`,
  registry_tokens: `name = 'bench'`,
  identities: 'id = (SELECT MIN(id) FROM identities)',
  memberships: 'identity_id = (SELECT MIN(id) FROM identities)',
  audit_events: `action = 'manifest.push'`,
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
