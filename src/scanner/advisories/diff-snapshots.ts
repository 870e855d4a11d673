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

const CHANGED_CVES: readonly (readonly [CveChange, string])[] = [
  ['new', "SELECT name AS id FROM main.names WHERE name GLOB 'CVE-*' EXCEPT SELECT name FROM old.names"],
  ['gone', "SELECT name AS id FROM old.names WHERE name GLOB 'CVE-*' EXCEPT SELECT name FROM main.names"],
  ['rescored', differs('scores', 'cve AS id, source, version, vector, score, stated')],
  ['described', differs('cves', 'id, title, description, published, updated')],
  ['kev', differs('kev', 'cve AS id, since')],
  ['epss', differs('epss', 'cve AS id, probability, percentile')],
]

/** By `rid` of the newer or the older file: an advisory that is not in both as it is. */
const CHANGED_ADVISORIES = (here: string, there: string) =>
  `SELECT h.rid FROM ${here}.advisories h LEFT JOIN ${there}.advisories t ON t.id = h.id AND t.grp = h.grp
    WHERE h.withdrawn = 0 AND (t.rid IS NULL OR t.withdrawn = 1 OR t.modified <> h.modified OR t.body <> h.body)`

const CHANGED_ROWS = (here: string, there: string) =>
  `SELECT ecosystem, name FROM (SELECT ecosystem, name, advisory, body FROM ${here}.affected
    EXCEPT SELECT ecosystem, name, advisory, body FROM ${there}.affected)`

/** An advisory that is, through whomever, the same flaw as others than before: what it is called and how it is scored is theirs, too. */
const REGROUPED = (here: string, there: string) =>
  `SELECT a.rid FROM ${here}.advisories a JOIN ${here}.alias_members m ON m.id = a.id JOIN ${here}.alias_groups g ON g.grp = m.grp
     LEFT JOIN ${there}.alias_members om ON om.id = a.id LEFT JOIN ${there}.alias_groups og ON og.grp = om.grp
    WHERE a.withdrawn = 0 AND og.ids IS NOT g.ids`

/** These and, of each, all that are the same flaw. */
const SAME_FLAW = (schema: string) =>
  `SELECT value AS id FROM json_each(?1) UNION SELECT other.id FROM json_each(?1) one JOIN ${schema}.alias_members m ON m.id = one.value
     JOIN ${schema}.alias_members other ON other.grp = m.grp`

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
  const named = (schema: string) =>
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
    named('main'),
    named('old'),
  ]
  const rows = database.prepare(`${parts.join(' UNION ')} ORDER BY 1, 2`).all(JSON.stringify(scored))
  return { packages: rows.map((row) => ({ ecosystem: String(row['ecosystem']), name: String(row['name']) })), cves }
}

function differs(table: string, columns: string): string {
  const [here, there] = [`SELECT ${columns} FROM main.${table}`, `SELECT ${columns} FROM old.${table}`]
  return `SELECT DISTINCT id FROM (SELECT * FROM (${here} EXCEPT ${there}) UNION ALL SELECT * FROM (${there} EXCEPT ${here}))`
}
