import type { Analyzer, AnalyzerResult } from './analyzer.ts'
import { NOTHING, wholeFile } from './analyzer.ts'
import { linesOf, OsDatabase, word } from './os-database.ts'
import { berkeleyValues, isBerkeleyHash } from './rpm-berkeley.ts'
import { addRpm } from './rpm-header.ts'
import { isNdb, ndbValues } from './rpm-ndb.ts'
import { sourceOfRpm } from './rpm-source.ts'
import { isSqlite, sqliteValues } from './rpm-sqlite.ts'

const NAME = 'rpm'
/** Some 100 kB a package with all its file names: a thousand packages. It is read at random, so it is held whole, in a worker of 256 MB. */
const DATABASE = { analyzer: NAME, maxBytes: 96 * 1024 * 1024, weight: 'fatal' } as const
const MANIFEST = { analyzer: NAME, maxBytes: 16 * 1024 * 1024, weight: 'fatal' } as const
/** A write-ahead log without frames has its header only. Source: SQLite file format, 4.1. */
const LOG_HEADER_BYTES = 32

/** `usr/lib/sysimage` is SUSE's and Fedora's, `usr/share/rpm` that of images made with rpm-ostree. */
const DATABASE_PATH =
  /^(?:var\/lib|usr\/lib\/sysimage|usr\/share)\/rpm\/(?:rpmdb\.sqlite(-wal|-journal)?|Packages(?:\.db)?)$/
const MANIFEST_PATH = 'var/lib/rpmmanifest/container-manifest-2'

/** Packages of Red Hat and its kin, SUSE, Mariner: the database in each of the formats that rpm has had, told by its first bytes. */
export const rpm: Analyzer = {
  name: NAME,
  open(entry) {
    const { path } = entry
    if (path === MANIFEST_PATH) return wholeFile(entry, MANIFEST, (bytes) => parseManifest(bytes, path))
    if (!path.includes('/rpm/')) return null
    const [found, log] = DATABASE_PATH.exec(path) ?? []
    if (found === undefined) return null
    if (log !== undefined) return { push: () => false, end: () => logResult(path, entry.size) }
    return wholeFile(entry, DATABASE, (bytes) => parseDatabase(bytes, path))
  },
}

function parseDatabase(bytes: Buffer, path: string): AnalyzerResult {
  const database = new OsDatabase({ path, analyzer: NAME, type: 'rpm' })
  for (const header of valuesOf(bytes)) addRpm(database, header)
  return database.result()
}

function valuesOf(bytes: Buffer): Iterable<Buffer> {
  if (isSqlite(bytes)) return sqliteValues(bytes, 'Packages')
  if (isBerkeleyHash(bytes)) return berkeleyValues(bytes)
  if (isNdb(bytes)) return ndbValues(bytes)
  throw new Error("it is none of rpm's databases: SQLite, BerkeleyDB hash, NDB")
}

/** rpm empties its log whenever it closes the database: what is left holds changes that the database does not. */
function logResult(path: string, size: number): AnalyzerResult {
  if (size <= LOG_HEADER_BYTES) return NOTHING
  const reason = 'rpm was interrupted: changes are in this log that are not in the database'
  return { ...NOTHING, problems: [{ path, where: NAME, reason, weight: 'fatal' }] }
}

/**
 * A line a package, of images of Mariner without a database. Source: microsoft/marinara, which writes `rpm -qa` with the fields name,
 * version-release, installation and build time, vendor, epoch, size, architecture, epoch as a number, source rpm.
 */
function parseManifest(bytes: Buffer, path: string): AnalyzerResult {
  if (bytes.length > 0 && bytes.at(-1) !== 10) throw new Error('it ends in the middle of a line')
  const database = new OsDatabase({ path, analyzer: NAME, type: 'rpm' })
  for (const line of linesOf(bytes)) {
    const fields = line.split('\t')
    if (fields.length !== 10) throw new Error('it has a line that does not have 10 fields')
    const [name = '', versionRelease = '', , , , epoch = '', , architecture = '', , sourceRpm = ''] = fields
    if (!/^(?:\(none\)|\d{1,10})$/.test(epoch)) throw new Error('it has a package whose epoch is no number')
    if (name === 'gpg-pubkey') continue
    const prefix = epoch === '(none)' ? '' : `${epoch}:`
    database.add({
      name: word(name, 'name'),
      version: word(`${prefix}${word(versionRelease, 'version')}`, 'version'),
      architecture: architecture === '(none)' ? null : word(architecture, 'architecture'),
      source: sourceRpm === '(none)' ? null : sourceOfRpm(sourceRpm, prefix),
    })
  }
  return database.result()
}
