import { checkFormat } from './snapshot-tables.ts'
import { attachUnchanging, openUnchanging } from './sqlite-file.ts'

export type CveChange = 'new' | 'gone' | 'rescored' | 'described' | 'kev' | 'epss'

/** What must be matched again when one snapshot follows another. */
export interface SnapshotDiff {
  /** Whose advisories came, went, or say something else: about versions, in words, in scores, or through a CVE's scores or its exploitation. Sorted. */
  readonly packages: readonly { readonly ecosystem: string; readonly name: string }[]
  /** CVEs of which scores, exploitation or words changed, or that are named first or no more. EPSS moves daily: what only it changes touches no package. */
  readonly cves: ReadonlyMap<string, readonly CveChange[]>
}

/**
 * Rows of the one that the other has not. Each is looked for by its key: both files are in its order, so this reads both once from the
 * beginning to the end (a comparison of whole rows, EXCEPT, sorts them all: measured, twenty times as long).
 */
function lacking(
  columns: string,
  [here, there]: readonly [string, string],
  { table, key, rest }: { readonly table: string; readonly key: readonly string[]; readonly rest: readonly string[] },
): string {
  const same = [
    ...key.map((column) => `t.${column} = h.${column}`),
    ...rest.map((column) => `t.${column} IS h.${column}`),
  ]
  return `SELECT ${columns} FROM ${here}.${table} h WHERE NOT EXISTS (SELECT 1 FROM ${there}.${table} t WHERE ${same.join(' AND ')})`
}

function differs(table: string, key: readonly string[], rest: readonly string[]): string {
  const rows = { table, key, rest }
  const id = `h.${key[0]} AS id`
  return `${lacking(id, ['main', 'old'], rows)} UNION ${lacking(id, ['old', 'main'], rows)}`
}

function named(here: string, there: string): string {
  const rows = { table: 'names', key: ['name'], rest: [] }
  return `SELECT DISTINCT id FROM (${lacking('h.name AS id', [here, there], rows)} AND h.name GLOB 'CVE-*')`
}

const CHANGED_CVES: readonly (readonly [CveChange, string])[] = [
  ['new', named('main', 'old')],
  ['gone', named('old', 'main')],
  ['rescored', differs('scores', ['cve', 'source', 'version', 'vector'], ['score', 'stated'])],
  ['described', differs('cves', ['id'], ['title', 'description', 'published', 'updated'])],
  ['kev', differs('kev', ['cve'], ['since'])],
  ['epss', differs('epss', ['cve'], ['probability', 'percentile'])],
]

/** By `rid` of the newer or the older file: an advisory that is not in both as it is. */
const CHANGED_ADVISORIES = (here: string, there: string) =>
  `SELECT h.rid FROM ${here}.advisories h LEFT JOIN ${there}.advisories t ON t.id = h.id AND t.grp = h.grp
    WHERE h.withdrawn = 0 AND (t.rid IS NULL OR t.withdrawn = 1 OR t.modified <> h.modified OR t.body <> h.body)`

const CHANGED_ROWS = (here: string, there: string) =>
  lacking('h.ecosystem, h.name', [here, there], {
    table: 'affected',
    key: ['ecosystem', 'name', 'advisory'],
    rest: ['body'],
  })

/** An advisory that is, through whomever, the same flaw as others than before: what it is called and how it is scored is theirs, too. */
const REGROUPED = (here: string, there: string) =>
  `SELECT a.rid FROM ${here}.advisories a JOIN ${here}.alias_members m ON m.id = a.id JOIN ${here}.alias_groups g ON g.grp = m.grp
     LEFT JOIN ${there}.alias_members om ON om.id = a.id LEFT JOIN ${there}.alias_groups og ON og.grp = om.grp
    WHERE a.withdrawn = 0 AND og.ids IS NOT g.ids`

/** These and, of each, all that are the same flaw. In this order: members are not found by their group. */
const SAME_FLAW = (schema: string) =>
  `SELECT value AS id FROM json_each(?1) UNION SELECT other.value FROM json_each(?1) one
     CROSS JOIN ${schema}.alias_members m ON m.id = one.value CROSS JOIN ${schema}.alias_groups g ON g.grp = m.grp
     CROSS JOIN json_each(g.ids) other`

const PACKAGES_OF = (schema: string, rids: string) =>
  `SELECT ecosystem, name FROM ${schema}.affected WHERE rid IN (${rids})`

/** Both paths are snapshots. @throws ImportError when one is not. */
export function diffSnapshots(oldPath: string, newPath: string): SnapshotDiff {
  using database = openUnchanging(newPath)
  attachUnchanging(database, 'old', oldPath)
  checkFormat(database, 'main')
  checkFormat(database, 'old')
  const cves = new Map<string, CveChange[]>()
  for (const [change, sql] of CHANGED_CVES)
    for (const { id } of database.prepare(sql).iterate())
      cves.set(String(id), [...(cves.get(String(id)) ?? []), change])
  const scored = [...cves].filter(([, changes]) => changes.some((change) => change !== 'epss')).map(([id]) => id)
  const concerned = (schema: string) =>
    PACKAGES_OF(
      schema,
      `SELECT rid FROM ${schema}.names WHERE name IN (${SAME_FLAW(schema)})
       UNION SELECT rid FROM ${schema}.advisories WHERE id IN (${SAME_FLAW(schema)})`,
    )
  const parts = [
    CHANGED_ROWS('main', 'old'),
    CHANGED_ROWS('old', 'main'),
    PACKAGES_OF('main', CHANGED_ADVISORIES('main', 'old')),
    PACKAGES_OF('old', CHANGED_ADVISORIES('old', 'main')),
    PACKAGES_OF('main', REGROUPED('main', 'old')),
    PACKAGES_OF('old', REGROUPED('old', 'main')),
    concerned('main'),
    concerned('old'),
  ]
  const rows = database.prepare(`${parts.join(' UNION ')} ORDER BY 1, 2`).all(JSON.stringify(scored))
  return { packages: rows.map((row) => ({ ecosystem: String(row['ecosystem']), name: String(row['name']) })), cves }
}
