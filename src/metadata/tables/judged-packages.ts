import type { Reader, Transaction } from '../metadata-store.ts'
import { idTable, literal, rowTable } from '../sql.ts'

/** A package as advisories see it. */
export interface NewJudgedPackage {
  /** A hash of all of it. */
  readonly key: string
  readonly ecosystem: string
  /** JSON: pairs of a name and a version. */
  readonly subjects: string
  readonly module: string | null
  readonly label: string
  /** Hashes of ecosystem and name, of each subject: who asks for one of them finds it. */
  readonly asked: readonly string[]
}

export type JudgedPackage = Omit<NewJudgedPackage, 'asked'> & { readonly id: number }

const TEXT = { key: 'text' } as const

/** Their ids by their keys; those that nobody had before are made. Each key once. */
export async function internPackages(
  sql: Transaction,
  packages: readonly NewJudgedPackage[],
): Promise<Map<string, number>> {
  const known = await packageIds(
    sql,
    packages.map(({ key }) => key),
  )
  const fresh = packages.filter(({ key }) => !known.has(key)).sort((a, b) => (a.key < b.key ? -1 : 1)) // in one order: no deadlock
  if (fresh.length === 0) return known
  const columns = { key: 'text', ecosystem: 'text', subjects: 'text', module: 'text', label: 'text' } as const
  const rows = fresh.map((one) => [one.key, one.ecosystem, one.subjects, one.module, one.label])
  await sql.run`
    INSERT INTO judged_packages (key, ecosystem, subjects, module, label)
    SELECT key, ecosystem, subjects, module, label FROM ${rowTable(sql, columns, rows)} AS n WHERE 1 = 1
    ON CONFLICT (key) DO NOTHING`
  const made = await packageIds(
    sql,
    fresh.map(({ key }) => key),
  )
  const asked = fresh.flatMap((one) => one.asked.map((subject) => [subject, made.get(one.key) ?? 0]))
  await sql.run`
    INSERT INTO judged_subjects (subject, package_id)
    SELECT subject, id FROM ${rowTable(sql, { subject: 'text', id: 'int' }, asked)} AS n WHERE 1 = 1
    ON CONFLICT (subject, package_id) DO NOTHING`
  return new Map([...known, ...made])
}

async function packageIds(sql: Reader, keys: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql.all<{ key: string; id: number }>`
    SELECT p.key, p.id FROM ${rowTable(sql, TEXT, keys.map(alone))} AS n JOIN judged_packages p ON p.key = n.key`
  return new Map(rows.map(({ key, id }) => [key, id]))
}

function alone(key: string): [string] {
  return [key]
}

/** Ids of all versions of these subjects. */
export async function packagesOfSubjects(sql: Reader, subjects: readonly string[]): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT DISTINCT s.package_id AS id
      FROM ${rowTable(sql, TEXT, subjects.map(alone))} AS n JOIN judged_subjects s ON s.subject = n.key`
  return rows.map(({ id }) => id)
}

export async function findPackages(sql: Reader, ids: readonly number[]): Promise<JudgedPackage[]> {
  return await sql.all<JudgedPackage>`
    SELECT p.id, p.key, p.ecosystem, p.subjects, p.module, p.label
      FROM ${idTable(sql, ids)} AS i JOIN judged_packages p ON p.id = i.id`
}

/** What was said of a package, as it is kept. */
export interface NewVerdict {
  readonly key: string
  /** JSON. */
  readonly summary: string
  readonly content: Uint8Array
}

const HOUR_MS = 3_600_000

/** Their ids by their keys; those that were never said before are made. Each key once. */
export async function internVerdicts(sql: Transaction, verdicts: readonly NewVerdict[]): Promise<Map<string, number>> {
  const now = sql.now()
  const find = async (some: readonly NewVerdict[]) =>
    await sql.all<{ key: string; id: number; used_at: number }>`
      SELECT v.key, v.id, v.used_at
        FROM ${rowTable(
          sql,
          TEXT,
          some.map(({ key }) => alone(key)),
        )} AS n JOIN package_verdicts v ON v.key = n.key`
  const rows = await find(verdicts)
  const known = new Set(rows.map(({ key }) => key))
  const fresh = verdicts.filter(({ key }) => !known.has(key)).sort((a, b) => (a.key < b.key ? -1 : 1))
  for (const { key, summary, content } of fresh)
    await sql.run`
      INSERT INTO package_verdicts (key, summary, content, used_at) VALUES (${key}, ${summary}, ${content}, ${now})
      ON CONFLICT (key) DO NOTHING`
  const aged = rows.filter(({ used_at }) => used_at < now - HOUR_MS).map(({ id }) => id)
  if (aged.length > 0)
    await sql.run`
      UPDATE package_verdicts SET used_at = ${now} WHERE id IN (SELECT i.id FROM ${idTable(sql, aged)} AS i)`
  const made = fresh.length === 0 ? [] : await find(fresh)
  return new Map([...rows, ...made].map(({ key, id }) => [key, id]))
}

/** One column of these verdicts: only `content` is long. */
function columnOfVerdicts<Row>(column: 'summary' | 'content') {
  return async (sql: Reader, ids: readonly number[]): Promise<Row[]> =>
    await sql.all<Row>`
      SELECT v.id, ${literal(`v.${column}`)} FROM ${idTable(sql, ids)} AS i JOIN package_verdicts v ON v.id = i.id`
}

export const verdictSummaries = columnOfVerdicts<{ id: number; summary: string }>('summary')
export const verdictContents = columnOfVerdicts<{ id: number; content: Uint8Array }>('content')

/** Forgets those of the next `limit` packages after that id that no image holds. @returns the last id; null: there are no more. */
export async function forgetPackages(sql: Transaction, after: number, limit: number): Promise<number | null> {
  const row = await sql.get<{ last: number | null }>`
    SELECT MAX(id) AS last FROM (SELECT id FROM judged_packages WHERE id > ${after} ORDER BY id LIMIT ${limit}) AS page`
  const last = row?.last ?? null
  if (last === null) return null
  await sql.run`
    DELETE FROM judged_packages WHERE id > ${after} AND id <= ${last}
       AND NOT EXISTS (SELECT 1 FROM image_packages i WHERE i.package_id = judged_packages.id)`
  return last
}

/** The highest id; 0: there is none. */
export async function newestVerdict(sql: Reader): Promise<number> {
  const row = await sql.get<{ id: number | null }>`SELECT MAX(id) AS id FROM package_verdicts`
  return row?.id ?? 0
}

/** Ids of verdicts that nobody was given since then, strictly after `after`, in their order. */
export async function verdictsUnused(sql: Reader, before: number, after: number, limit: number): Promise<number[]> {
  const rows = await sql.all<{ id: number }>`
    SELECT id FROM package_verdicts WHERE id > ${after} AND used_at < ${before} ORDER BY id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

export async function forgetVerdicts(sql: Transaction, ids: readonly number[], before: number): Promise<void> {
  await sql.run`
    DELETE FROM package_verdicts WHERE used_at < ${before} AND id IN (SELECT i.id FROM ${idTable(sql, ids)} AS i)`
}
