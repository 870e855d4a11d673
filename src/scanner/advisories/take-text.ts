import { isSecdb, takeSecdb } from './alpine.ts'
import { isCsaf, recordsOfCsaf } from './csaf.ts'
import { rowSplitter } from './csv-rows.ts'
import { DEBIAN_GROUP, isTrackerHead, takeSourcePackage } from './debian.ts'
import type { Fields } from './fields.ts'
import { isFields } from './fields.ts'
import type { FileTally } from './file-tally.ts'
import { BadRecord, ImportError, NotAdvisories } from './import-error.ts'
import type { Intake } from './intake.ts'
import type { Splitter } from './json-values.ts'
import { lineSplitter, valueSplitter } from './json-values.ts'
import { isKev, takeKev } from './known-exploited.ts'
import { MAX_VALUE_BYTES } from './limits.ts'
import { isOsv, recordOfOsv } from './osv.ts'
import type { TableShape } from './tables.ts'
import { shapeOfTable } from './tables.ts'

export interface Where {
  readonly intake: Intake
  readonly tally: FileTally
}

/** Takes a text in pieces, recognises by its first line what it is, and hands its records on. @throws ImportError, NotAdvisories */
export function textTaker(where: Where): Splitter {
  const head: Buffer[] = []
  let size = 0
  let reader: Splitter | null = null

  function decide(isLast: boolean): void {
    const bytes = Buffer.concat(head)
    const begin = bytes.toString('utf8', 0, 4096).replace(/^\uFEFF/, '')
    const isSettled = isLast || bytes.includes(0x0a, bytes.findIndex(isNoBlank)) || isTrackerHead(begin)
    if (!isSettled && size <= MAX_VALUE_BYTES) return
    reader = readerFor(begin, bytes, where)
    reader.push(begin.length === 0 || bytes[0] !== 0xef ? bytes : bytes.subarray(3))
    head.length = 0
  }

  return {
    push(piece) {
      if (reader !== null) {
        reader.push(piece)
        return
      }
      head.push(piece)
      size += piece.length
      decide(false)
    },
    end() {
      if (reader === null) decide(true)
      reader?.end()
      if (where.tally.isEmpty && where.tally.kinds.size === 0) throw new ImportError('it holds no record')
    },
  }
}

function isNoBlank(byte: number): boolean {
  return byte > 0x20
}

function readerFor(begin: string, bytes: Buffer, where: Where): Splitter {
  const [first] = begin.trimStart()
  if (first === undefined) throw new ImportError('it is empty')
  if (first === '[') return documents(1, where)
  if (first !== '{') return table(where)
  if (isTrackerHead(begin)) return tracker(where)
  return isWholeLine(bytes) ? lines(where) : documents(0, where)
}

/** One record a line, as opposed to one document over many lines. */
function isWholeLine(bytes: Buffer): boolean {
  const start = bytes.findIndex(isNoBlank)
  const end = bytes.indexOf(0x0a, start)
  return parsed(bytes.toString('utf8', start, end < 0 ? bytes.length : end)) !== undefined
}

function lines(where: Where): Splitter {
  let line = 0
  return lineSplitter((text) => {
    line++
    if (text.trim() !== '') takeText(text, `line ${line}`, where)
  })
}

function documents(level: 0 | 1, where: Where): Splitter {
  let place = 0
  return valueSplitter(level, (text) => {
    place++
    takeText(text, level === 0 && place === 1 ? 'the document' : `record ${place}`, where)
  })
}

function tracker({ intake, tally }: Where): Splitter {
  let isFirst = true
  return valueSplitter(1, (text) => {
    const member = parsed(`{${text}}`)
    if (isFirst) intake.forget(DEBIAN_GROUP)
    isFirst = false
    tally.kinds.add('Debian tracker')
    if (!isFields(member)) tally.bad(text.slice(0, 60), 'it is no JSON')
    else for (const [source, cves] of Object.entries(member)) takeSourcePackage(source, cves, intake, tally)
  })
}

function table(where: Where): Splitter {
  const { intake, tally } = where
  let remark = ''
  let shape: TableShape | null = null
  let columns: ReadonlyMap<string, number> = new Map()
  let line = 0
  return rowSplitter((fields) => {
    line++
    if (shape === null && line === 1 && fields[0]?.startsWith('#')) {
      remark = fields.join(',')
      return
    }
    if (shape === null) {
      const names = fields.map((field) => field.trim().toLowerCase())
      shape = shapeOfTable(names)
      if (shape === null) throw new ImportError('it is neither JSON nor a table whose columns we know')
      columns = new Map(names.map((name, place) => [name, place]))
      tally.kinds.add(shape.kind)
      return
    }
    guarded(`row ${line}`, tally, () =>
      shape?.take((column) => fields[columns.get(column) ?? -1] ?? '', remark, intake, tally),
    )
  })
}

/** @throws ImportError for the first that is none of ours; a later one is a bad record. */
function takeText(text: string, place: string, where: Where): void {
  const value = parsed(text)
  const { tally } = where
  if (value === undefined && tally.kinds.size === 0) throw new ImportError('it is no JSON')
  if (value === undefined) tally.bad(place, 'it is no JSON')
  else takeValue(value, place, where)
}

export function takeValue(value: unknown, place: string, where: Where): void {
  const { tally } = where
  const shape = isFields(value) ? SHAPES.find(({ is }) => is(value)) : undefined
  if (shape === undefined) {
    const why = 'it is JSON, but none of the shapes that we know (OSV, secdb, Debian tracker, KEV, CSAF)'
    if (tally.kinds.size === 0) throw isSchema(value) ? new NotAdvisories('a JSON schema') : new ImportError(why)
    tally.bad(place, why)
    return
  }
  tally.kinds.add(shape.kind)
  guarded(place, tally, () => shape.take(value as Fields, where))
}

interface Shape {
  readonly kind: string
  readonly is: (value: Fields) => boolean
  readonly take: (value: Fields, where: Where) => void
}

const SHAPES: readonly Shape[] = [
  { kind: 'OSV', is: isOsv, take: takeOsv },
  { kind: 'Alpine secdb', is: isSecdb, take: (value, { intake, tally }) => takeSecdb(value, intake, tally) },
  { kind: 'KEV', is: isKev, take: (value, { intake, tally }) => takeKev(value, intake, tally) },
  { kind: 'CSAF', is: isCsaf, take: takeCsaf },
]

function takeOsv(value: Fields, { intake, tally }: Where): void {
  const record = recordOfOsv(value)
  if (record === null) tally.notVulnerability()
  else if (!intake.record(record)) tally.older()
  else if (record.withdrawn) tally.withdrawn()
  else tally.taken()
}

function takeCsaf(value: Fields, { intake, tally }: Where): void {
  for (const record of recordsOfCsaf(value)) {
    if (intake.record(record)) tally.taken()
    else tally.older()
  }
}

function guarded(place: string, tally: FileTally, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error
    tally.bad(place, error.message)
  }
}

function isSchema(value: unknown): boolean {
  return isFields(value) && typeof value['$schema'] === 'string' && ('properties' in value || '$defs' in value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
