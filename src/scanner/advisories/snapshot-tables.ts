import { createHash } from 'node:crypto'
import { aliasGroups } from './alias-groups.ts'
import { ImportError } from './import-error.ts'
import type { Database, SQLInputValue } from './sqlite-file.ts'

/** Rises whenever an older program could not read a newer file, or would read it wrongly. */
export const SNAPSHOT_FORMAT = 1
/** "Entr": what `file` and we know it by. */
export const APPLICATION_ID = 0x456e7472

/**
 * `advisories`: body is a list [source, aliases, summary, details, published, references, scores, covers], empty when withdrawn: then it
 * stands there so that an older state of it does not come back. `affected`: [ranges, versions, status, severity, module, scores if any], in the
 * order of its table, which is that of lookups. `names`: which advisories call themselves or cover what. `vector` is empty for none.
 */
const TABLES = `
  CREATE TABLE advisories (rid INTEGER PRIMARY KEY, id TEXT NOT NULL, grp TEXT NOT NULL, state TEXT NOT NULL, modified INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE affected (ecosystem TEXT NOT NULL, name TEXT NOT NULL, advisory TEXT NOT NULL, rid INTEGER NOT NULL, n INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (ecosystem, name, advisory, rid, n)) WITHOUT ROWID;
  CREATE TABLE names (name TEXT NOT NULL, rid INTEGER NOT NULL, is_alias INTEGER NOT NULL,
    PRIMARY KEY (name, rid, is_alias)) WITHOUT ROWID;
  CREATE TABLE alias_groups (grp INTEGER PRIMARY KEY, ids TEXT NOT NULL);
  CREATE TABLE alias_members (id TEXT PRIMARY KEY, grp INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE scores (cve TEXT NOT NULL, source TEXT NOT NULL, version TEXT NOT NULL, vector TEXT NOT NULL, score REAL, stated REAL,
    n INTEGER NOT NULL, PRIMARY KEY (cve, source, version, vector, n)) WITHOUT ROWID;
  CREATE TABLE cves (id TEXT PRIMARY KEY, title TEXT, description TEXT, published INTEGER, updated INTEGER) WITHOUT ROWID;
  CREATE TABLE kev (cve TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE epss (cve TEXT PRIMARY KEY, probability REAL NOT NULL, percentile REAL NOT NULL, date INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE sources (name TEXT PRIMARY KEY, kind TEXT NOT NULL, records INTEGER NOT NULL, newest INTEGER,
    imported_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE snapshot (id TEXT NOT NULL, created_at INTEGER NOT NULL);`

/** Brings what an earlier snapshot (attached as `base`) knows into the staging tables. */
const TAKE_OVER = `
  INSERT INTO s.records SELECT rid, grp, id, state, modified, withdrawn, body FROM base.advisories;
  INSERT INTO s.affected SELECT rid, n, ecosystem, name, body FROM base.affected;
  INSERT INTO s.names SELECT rid, name, is_alias FROM base.names;
  INSERT INTO s.scores SELECT cve, source, version, vector, score, stated, 0 FROM base.scores;
  INSERT INTO s.cves SELECT * FROM base.cves;
  INSERT INTO s.kev SELECT * FROM base.kev;
  INSERT INTO s.epss SELECT * FROM base.epss;
  INSERT INTO s.sources SELECT name, kind, newest, imported_at FROM base.sources`

/** In the order of their keys, so that the same knowledge gives the same file, whatever order it came in. */
const FILL = `
  INSERT INTO main.advisories SELECT NULL, id, grp, state, modified, withdrawn, body FROM s.records ORDER BY id, grp;
  CREATE UNIQUE INDEX main.advisories_of_id ON advisories (id, grp);
  CREATE TEMP TABLE numbers (old INTEGER PRIMARY KEY, rid INTEGER NOT NULL, id TEXT NOT NULL);
  INSERT INTO numbers SELECT s.rid, m.rid, m.id FROM main.advisories m JOIN s.records s ON s.grp = m.grp AND s.id = m.id
    WHERE m.withdrawn = 0 ORDER BY s.rid;
  INSERT INTO main.affected SELECT a.ecosystem, a.name, r.id, r.rid, a.n, a.body FROM s.affected a CROSS JOIN numbers r ON r.old = a.rid
    ORDER BY 1, 2, 3, 4, 5;
  INSERT INTO main.names SELECT DISTINCT a.name, r.rid, a.is_alias FROM s.names a CROSS JOIN numbers r ON r.old = a.rid ORDER BY 1, 2, 3;
  CREATE INDEX main.affected_of_advisory ON affected (rid);
  INSERT INTO main.scores SELECT cve, source, version, vector, score, stated, row_number() OVER () FROM (
    SELECT DISTINCT cve, source, version, vector, score, stated FROM s.scores
     WHERE (cve, source, file) IN (SELECT cve, source, max(file) FROM s.scores GROUP BY 1, 2) ORDER BY 1, 2, 3, 4, 5, 6);
  INSERT INTO main.cves SELECT * FROM s.cves ORDER BY id;
  INSERT INTO main.kev SELECT * FROM s.kev ORDER BY cve;
  INSERT INTO main.epss SELECT * FROM s.epss ORDER BY cve;
  INSERT INTO main.sources SELECT name, kind, 0, newest, imported_at FROM s.sources ORDER BY name;
  UPDATE main.sources SET records = n, newest = nullif(latest, 0) FROM (SELECT state, sum(1 - withdrawn) AS n, max(modified) AS latest
    FROM main.advisories GROUP BY state) WHERE state = name;
  UPDATE main.sources SET records = (SELECT count(*) FROM main.scores) WHERE name = 'cvss-scores';
  UPDATE main.sources SET (records, newest) = (SELECT count(*), max(updated) FROM main.cves) WHERE name = 'cve-descriptions';
  UPDATE main.sources SET records = (SELECT count(*) FROM main.kev) WHERE name = 'kev';
  UPDATE main.sources SET (records, newest) = (SELECT count(*), nullif(max(date), 0) FROM main.epss) WHERE name = 'epss';`

/**
 * What the snapshot's id is made of: all that it knows, without when and by whom it was taken in, in the order of `key`. Only texts for
 * people can hold the separator, and those are quoted: JSON escapes it, names with it are refused.
 */
const CONTENT = [
  { table: 'advisories', key: ['rid'], row: joined('id', 'grp', 'state', 'modified', 'withdrawn', 'body') },
  {
    table: 'affected',
    key: ['ecosystem', 'name', 'advisory', 'rid', 'n'],
    row: joined('ecosystem', 'name', 'rid', 'n', 'body'),
  },
  {
    table: 'scores',
    key: ['cve', 'source', 'version', 'vector', 'n'],
    row: joined('cve', 'source', 'version', 'vector', "ifnull(score, '')", "ifnull(stated, '')"),
  },
  { table: 'cves', key: ['id'], row: 'json_array(id, title, description, published, updated)' },
  { table: 'kev', key: ['cve'], row: joined('cve', 'since') },
  { table: 'epss', key: ['cve'], row: joined('cve', 'probability', 'percentile', 'date') },
] as const

/** Of a table that is hashed at a time: each row by itself as a text of JavaScript's takes twice as long. */
const ROWS_AT_A_TIME = 500

function joined(...columns: readonly string[]): string {
  return columns.join(' || char(31) || ')
}

export function createTables(database: Database): void {
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SNAPSHOT_FORMAT}; ${TABLES}`)
}

export function takeOver(database: Database): void {
  checkFormat(database, 'base')
  database.exec(TAKE_OVER)
}

/** Turns what is staged into the snapshot. @returns its id */
export function fillTables(database: Database, createdAt: number): string {
  database.exec(FILL)
  fillAliasGroups(database)
  const id = `sha256:${contentHash(database)}`
  database.prepare('INSERT INTO main.snapshot VALUES (?, ?)').run(id, createdAt)
  return id
}

/** @throws ImportError when it is no snapshot, or one of another version of this program. */
export function checkFormat(database: Database, schema: 'main' | 'base' | 'old'): void {
  const { application_id: kind } = database.prepare(`PRAGMA ${schema}.application_id`).get() ?? {}
  const { user_version: format } = database.prepare(`PRAGMA ${schema}.user_version`).get() ?? {}
  if (kind !== APPLICATION_ID) throw new ImportError('the file is no snapshot of advisories')
  if (format !== SNAPSHOT_FORMAT)
    throw new ImportError(
      `the snapshot has format ${format}, this program reads ${SNAPSHOT_FORMAT}: import the advisories again`,
    )
}

/** Who is, through whomever, an alias of whom (scanning.md, trap 12: never through `related` or `upstream`). */
function fillAliasGroups(database: Database): void {
  const pairs = database.prepare(
    'SELECT a.id, n.name FROM main.names n JOIN main.advisories a ON a.rid = n.rid WHERE n.is_alias = 1',
  )
  pairs.setReturnArrays(true)
  const groups = aliasGroups(pairs.iterate() as Iterable<unknown> as Iterable<[string, string]>)
  database
    .prepare('INSERT INTO main.alias_groups SELECT key, value FROM json_each(?) ORDER BY key')
    .run(JSON.stringify(groups))
  database.exec(
    `INSERT INTO main.alias_members SELECT one.value, g.grp FROM main.alias_groups g CROSS JOIN json_each(g.ids) one ORDER BY 1`,
  )
}

function contentHash(database: Database): string {
  const hash = createHash('sha256')
  for (const content of CONTENT) {
    for (const rows of inPieces(database, content)) {
      hash.update(rows)
      hash.update('\n')
    }
    hash.update('\n')
  }
  return hash.digest('hex')
}

/** The rows of a table, some hundred to a piece, with line feeds between them. */
function* inPieces(
  database: Database,
  { table, key, row }: { readonly table: string; readonly key: readonly string[]; readonly row: string },
): Generator<Uint8Array> {
  const columns = key.join(', ')
  const from = `main.${table} WHERE (${columns}) >= (${key.map(() => '?').join(', ')}) ORDER BY ${columns}`
  const next = database.prepare(`SELECT ${columns} FROM ${from} LIMIT 1 OFFSET ${ROWS_AT_A_TIME}`)
  next.setReturnArrays(true)
  const some = database.prepare(
    `SELECT CAST(group_concat(row, char(10)) AS BLOB) AS rows FROM (SELECT ${row} AS row FROM ${from} LIMIT ${ROWS_AT_A_TIME})`,
  )
  // Numbers stand before all texts.
  for (let at: SQLInputValue[] | undefined = key.map(() => -1); at; at = next.get(...at) as unknown as typeof at) {
    const rows = some.get(...at)?.['rows']
    if (rows instanceof Uint8Array) yield rows
  }
}
