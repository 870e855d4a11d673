import type { Analyzer, AnalyzerResult } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { linesOf, OsDatabase, word } from './os-database.ts'

/** It names every file of every package: 14 kB for a base, some 10 MB for a thousand packages. */
const ABOUT = { analyzer: 'apk', maxBytes: 32 * 1024 * 1024, weight: 'fatal' } as const

/** Packages of Alpine and its kin. Source: apk-tools, `src/database.c`, `apk_db_fdb_read`; apk 3 keeps it below `usr`. */
export const apk: Analyzer = {
  name: ABOUT.analyzer,
  open(entry) {
    if (entry.path !== 'lib/apk/db/installed' && entry.path !== 'usr/lib/apk/db/installed') return null
    return wholeFile(entry, ABOUT, (bytes) => parse(bytes, entry.path))
  },
}

function parse(bytes: Buffer, path: string): AnalyzerResult {
  // apk ends every package with an empty line.
  if (bytes.length > 0 && !bytes.subarray(-2).equals(Buffer.from('\n\n'))) {
    throw new Error('it ends in the middle of a package')
  }
  const database = new OsDatabase({ path, analyzer: ABOUT.analyzer, type: 'apk' })
  let fields: Map<string, string> | null = null
  for (const line of linesOf(bytes)) {
    if (line !== '') {
      fields ??= new Map()
      addField(database, fields, line)
    } else if (fields) {
      addPackage(database, fields)
      fields = null
    }
  }
  return database.result()
}

/** Once a package: its name, version, architecture and origin. The last folder is the one that files are in. */
const IDENTITY: ReadonlySet<string> = new Set(['P', 'V', 'A', 'o'])

function addField(database: OsDatabase, fields: Map<string, string>, line: string): void {
  if (line[1] !== ':') throw new Error('it has a line that is no field')
  const [key = '', value] = [line[0], line.slice(2)]
  if (IDENTITY.has(key) && fields.has(key)) throw new Error(`it has a package with two fields ${key}`)
  if (key === 'R') {
    const folder = fields.get('F') ?? ''
    database.own(folder === '' ? value : `${folder}/${value}`)
  } else fields.set(key, value)
}

function addPackage(database: OsDatabase, fields: ReadonlyMap<string, string>): void {
  const name = word(fields.get('P'), 'name')
  const version = word(fields.get('V'), `version (${name})`)
  const [architecture, origin] = [fields.get('A'), fields.get('o')]
  database.add({
    name,
    version,
    architecture: architecture === undefined ? null : word(architecture, `architecture (${name})`),
    source: origin === undefined ? null : { name: word(origin, `origin (${name})`), version },
  })
}
