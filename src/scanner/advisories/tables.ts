import { scoreOf } from './cvss.ts'
import { cveOf, idOf, numberOf, textOf, timeOf } from './fields.ts'
import { BadRecord } from './import-error.ts'
import type { Intake, Tally } from './intake.ts'

/** A row, by the names of its columns. */
export type Row = (column: string) => string

export interface TableShape {
  readonly kind: string
  readonly columns: readonly string[]
  /** `remark`: what the first line says when it is a remark. @throws BadRecord */
  readonly take: (row: Row, remark: string, intake: Intake, tally: Tally) => void
}

const scores: TableShape = {
  kind: 'CVSS scores',
  columns: ['cve', 'source', 'cvss_version', 'vector', 'base_score'],
  take(row, _remark, intake, tally) {
    const version = row('cvss_version')
    if (!/^\d\.\d$/.test(version)) throw new BadRecord(`cvss_version is "${version.slice(0, 20)}"`)
    const score = scoreOf(idOf(row('source'), 'source'), row('vector'), numberOf(row('base_score')), version)
    if (score === null) throw new BadRecord('neither vector nor base_score is one')
    intake.score(cveOf(row('cve')), score)
    tally.taken()
  },
}

const descriptions: TableShape = {
  kind: 'CVE descriptions',
  columns: ['cve', 'state', 'published', 'updated', 'title', 'description'],
  take(row, _remark, intake, tally) {
    const id = cveOf(row('cve'))
    if (row('state') === 'REJECTED') {
      tally.withdrawn()
      return
    }
    const texts = { title: textOf(row('title')), description: textOf(row('description')) }
    const isNew = intake.cve({ id, ...texts, publishedAt: timeOf(row('published')), updatedAt: timeOf(row('updated')) })
    if (isNew) tally.taken()
    else tally.older()
  },
}

/** FIRST's own file: `#model_version:v2025.03.14,score_date:2025-09-01T12:55:00Z`, then the columns. */
const epss: TableShape = {
  kind: 'EPSS',
  columns: ['cve', 'epss', 'percentile'],
  take: (row, remark, intake, tally) =>
    takeEpss(row, 'percentile', timeOf(/score_date:([^,\s]+)/.exec(remark)?.[1]) ?? 0, intake, tally),
}

/** KEV_EPSS: the same numbers for the exploited ones. Its CVSS3 names neither source nor version and is not taken. */
const epssOfKev: TableShape = {
  kind: 'EPSS',
  columns: ['cve', 'epss', 'epss percentile'],
  take: (row, _remark, intake, tally) => takeEpss(row, 'epss percentile', 0, intake, tally),
}

function takeEpss(row: Row, column: string, date: number, intake: Intake, tally: Tally): void {
  const probability = numberOf(row('epss'))
  const percentile = numberOf(row(column))
  if (probability === null || probability > 1 || percentile === null || percentile > 1)
    throw new BadRecord('epss or its percentile is no number from 0 to 1')
  if (intake.epss(cveOf(row('cve')), probability, percentile, date)) tally.taken()
  else tally.older()
}

const SHAPES: readonly TableShape[] = [scores, descriptions, epssOfKev, epss]

/** By the names of the columns, lower case. Null: none that we know. */
export function shapeOfTable(columns: readonly string[]): TableShape | null {
  return SHAPES.find((shape) => shape.columns.every((column) => columns.includes(column))) ?? null
}
