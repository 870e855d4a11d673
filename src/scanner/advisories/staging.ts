import type { Score } from './advisory-index.ts'
import type { Intake, TakenCve, TakenRecord } from './intake.ts'
import type { Database, SQLInputValue, StatementSync } from './sqlite-file.ts'

/**
 * What is being taken in, in a file of its own beside the one that becomes the snapshot: each record in its newest state, in no order.
 * What of a record was replaced stays until the end, under a number that nobody has any more.
 */
export const STAGING_TABLES = `
  CREATE TABLE s.records (rid INTEGER PRIMARY KEY, grp TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, modified INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (grp, id));
  CREATE TABLE s.affected (rid INTEGER NOT NULL, n INTEGER NOT NULL, ecosystem TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE s.names (rid INTEGER NOT NULL, name TEXT NOT NULL, is_alias INTEGER NOT NULL);
  CREATE TABLE s.scores (cve TEXT NOT NULL, source TEXT NOT NULL, version TEXT NOT NULL, vector TEXT NOT NULL, score REAL, stated REAL,
    file INTEGER NOT NULL);
  CREATE TABLE s.cves (id TEXT PRIMARY KEY, title TEXT, description TEXT, published INTEGER, updated INTEGER) WITHOUT ROWID;
  CREATE TABLE s.kev (cve TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE s.epss (cve TEXT PRIMARY KEY, probability REAL NOT NULL, percentile REAL NOT NULL, date INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE s.sources (name TEXT PRIMARY KEY, kind TEXT NOT NULL, newest INTEGER, imported_at INTEGER NOT NULL) WITHOUT ROWID;`

const REDESCRIBED = `ON CONFLICT (id) DO UPDATE SET title = excluded.title, description = excluded.description,
  published = excluded.published, updated = excluded.updated WHERE coalesce(excluded.updated, 0) >= coalesce(cves.updated, 0)`
const REESTIMATED = `ON CONFLICT (cve) DO UPDATE SET probability = excluded.probability, percentile = excluded.percentile,
  date = excluded.date WHERE excluded.date >= epss.date`

/** An intake that writes to the attached database `s`. */
export class Staging implements Intake {
  readonly #database: Database
  readonly #now: number
  readonly #prepared = new Map<string, StatementSync>()
  #file = 0
  #rid: number
  readonly #touched = new Set<string>()

  constructor(database: Database, now: number) {
    this.#database = database
    this.#now = now
    this.#rid = Number(this.#run('SELECT coalesce(max(rid), 0) AS rid FROM s.records').get()?.['rid'] ?? 0)
  }

  /** What a refused file has left is undone. */
  beginFile(): void {
    this.#file++
    this.#database.exec('SAVEPOINT file')
  }

  keepFile(): void {
    this.#database.exec('RELEASE file')
  }

  undoFile(): void {
    this.#database.exec('ROLLBACK TO file; RELEASE file')
    this.#touched.clear()
  }

  record(record: TakenRecord): boolean {
    this.#touch(record.state, record.kind, null)
    const rid = this.#rid + 1
    if (!this.#put(rid, record)) return false
    this.#rid = rid
    if (record.withdrawn) return true
    const addAffected = this.#run('INSERT INTO s.affected VALUES (?, ?, ?, ?, ?)')
    const { aliases, covers } = record
    for (const [n, affected] of record.affected.entries()) {
      const { ecosystem, name, ranges, versions, status, vendorSeverity, module, scores } = affected
      const body = [ranges, versions, status, vendorSeverity, module, ...(scores ? [scores] : [])]
      addAffected.run(rid, n, ecosystem, name, JSON.stringify(body))
    }
    const addName = this.#run('INSERT INTO s.names VALUES (?, ?, ?)')
    for (const alias of aliases) addName.run(rid, alias, 1)
    for (const covered of covers) addName.run(rid, covered, 0)
    return true
  }

  #put(rid: number, record: TakenRecord): boolean {
    const { group, id, state, modified, withdrawn, aliases, covers } = record
    const { summary, details, publishedAt, references, scores, source } = record
    const body = withdrawn
      ? ''
      : JSON.stringify([source, aliases, summary, details, publishedAt, references, scores, covers])
    const row = [rid, group, id, state, modified, withdrawn ? 1 : 0, body]
    // As in `#putNewer`.
    const added = this.#run('INSERT INTO s.records VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING').run(...row)
    if (added.changes === 1) return true
    const known = this.#run('SELECT modified FROM s.records WHERE grp = ? AND id = ?').get(group, id)
    if (Number(known?.['modified']) > modified) return false
    this.#run('INSERT OR REPLACE INTO s.records VALUES (?, ?, ?, ?, ?, ?, ?)').run(...row)
    return true
  }

  forget(groupPrefix: string): void {
    this.#run('DELETE FROM s.records WHERE grp >= ? AND grp < ?').run(groupPrefix, `${groupPrefix}\u{10ffff}`)
  }

  score(cve: string, { source, version, vector, score, stated }: Score): void {
    this.#touch('cvss-scores', 'CVSS scores', null)
    this.#run('INSERT INTO s.scores VALUES (?, ?, ?, ?, ?, ?, ?)').run(
      ...[cve, source, version, vector ?? '', score, stated, this.#file],
    )
  }

  cve({ id, title, description, publishedAt, updatedAt }: TakenCve): boolean {
    this.#touch('cve-descriptions', 'CVE descriptions', null)
    const row = [id, title, description, publishedAt, updatedAt]
    return this.#putNewer('s.cves VALUES (?, ?, ?, ?, ?)', row, REDESCRIBED)
  }

  knownExploited(date: number, since: ReadonlyMap<string, number>): boolean {
    const known = this.#run("SELECT newest FROM s.sources WHERE name = 'kev'").get()
    const isOlder = known !== undefined && Number(known['newest'] ?? 0) > date
    this.#touch('kev', 'KEV', date)
    if (isOlder) return false
    this.#database.exec('DELETE FROM s.kev')
    for (const [cve, added] of since) this.#run('INSERT INTO s.kev VALUES (?, ?)').run(cve, added)
    return true
  }

  epss(cve: string, probability: number, percentile: number, date: number): boolean {
    this.#touch('epss', 'EPSS', null)
    return this.#putNewer('s.epss VALUES (?, ?, ?, ?)', [cve, probability, percentile, date], REESTIMATED)
  }

  /** Replacing has SQLite be ready to undo each statement: only where there is something to replace. */
  #putNewer(values: string, row: readonly SQLInputValue[], replacing: string): boolean {
    const added = this.#run(`INSERT INTO ${values} ON CONFLICT DO NOTHING`).run(...row)
    return added.changes === 1 || this.#run(`INSERT INTO ${values} ${replacing}`).run(...row).changes === 1
  }

  /** A source was heard of now, even if it said nothing new. */
  #touch(name: string, kind: string, newest: number | null): void {
    if (this.#touched.has(name)) return
    this.#touched.add(name)
    this.#run(`INSERT INTO s.sources VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET imported_at = excluded.imported_at,
      newest = nullif(max(coalesce(excluded.newest, 0), coalesce(sources.newest, 0)), 0)`).run(
      name,
      kind,
      newest,
      this.#now,
    )
  }

  #run(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const prepared = this.#database.prepare(sql)
    this.#prepared.set(sql, prepared)
    return prepared
  }
}
