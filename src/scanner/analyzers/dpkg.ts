import type { Analyzer, AnalyzerResult, Entry, Sink } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import type { Stanza } from './control-file.ts'
import { stanzasOf } from './control-file.ts'
import { linesOf, OsDatabase, word } from './os-database.ts'

const NAME = 'dpkg'
/** A kilobyte a package: some 30,000 packages. */
const STATUS = { analyzer: NAME, maxBytes: 32 * 1024 * 1024, weight: 'fatal' } as const
/** Lists hide no package: without one, files of the distribution are judged as if somebody had installed them by hand. */
const LIST = { analyzer: NAME, maxBytes: 16 * 1024 * 1024, weight: 'partial' } as const

/** The largest package of Debian has some 20,000. */
const MAX_DIRECTORIES = 50_000

const FOLDER = 'var/lib/dpkg/'
/** What lies beside the stanzas in `status.d`, by the names of dpkg's `info` folder. */
const NO_STANZA = /\.(?:md5sums|list|conffiles|preinst|postinst|prerm|postrm|triggers|shlibs|symbols|templates|config)$/

/**
 * Packages of Debian and its kin. `status` is dpkg's own; `status.d` that of images made without dpkg (distroless), a stanza a file. The
 * lists of `info`, or the `md5sums` beside the stanzas, say whose a file is.
 */
export const dpkg: Analyzer = {
  name: NAME,
  open(entry) {
    if (!entry.path.startsWith(FOLDER)) return null
    const path = entry.path.slice(FOLDER.length)
    if (path === 'status') return wholeFile(entry, STATUS, (bytes) => parseStatus(bytes, entry))
    if (/^info\/[^/]+\.list$/.test(path)) return listSink(entry, /^()(.+)$/)
    if (/^status\.d\/[^/]+\.md5sums$/.test(path)) return listSink(entry, /^([0-9a-f]{32}) [ *](.+)$/)
    if (!/^status\.d\/[^/]+$/.test(path) || NO_STANZA.test(path)) return null
    return wholeFile(entry, STATUS, (bytes) => parseStanzaFile(bytes, entry))
  },
}

function parseStatus(bytes: Buffer, entry: Entry): AnalyzerResult {
  // dpkg writes whole lines and refuses a file that ends within one.
  if (bytes.length > 0 && bytes.at(-1) !== 10) throw new Error('it ends in the middle of a line')
  const database = new OsDatabase({ path: entry.path, analyzer: NAME, type: 'deb' })
  for (const stanza of stanzasOf(bytes)) addStanza(database, stanza, stanza.get('status') ?? 'unknown ok not-installed')
  return database.result()
}

/** Without a Status: the file is there because the package is. */
function parseStanzaFile(bytes: Buffer, entry: Entry): AnalyzerResult {
  const database = new OsDatabase({ path: entry.path, analyzer: NAME, type: 'deb' })
  let stanzas = 0
  for (const stanza of stanzasOf(bytes)) {
    addStanza(database, stanza, stanza.get('status') ?? 'install ok installed')
    stanzas += 1
  }
  if (stanzas === 0) throw new Error('it names no package')
  return database.result()
}

/** Source: dpkg's lib/dpkg/parsehelp.c: what is wanted, a flag, and the state; only the last word of `installed` means there. */
const STATUS_LINE =
  /^(?:unknown|install|hold|deinstall|purge) +(?:ok|reinstreq|hold|hold-reinstreq) +(not-installed|config-files|half-installed|unpacked|half-configured|triggers-awaited|triggers-pending|installed)$/

function addStanza(database: OsDatabase, stanza: Stanza, status: string): void {
  const name = word(stanza.get('package'), 'name')
  const [, state] = STATUS_LINE.exec(status) ?? []
  if (state === undefined) throw new Error(`the status of ${name} is not one of dpkg's`)
  if (state === 'not-installed' || state === 'config-files') return
  if (state !== 'installed') {
    database.partly(`${name} is ${state}: dpkg was interrupted, and it does not count as installed`)
    return
  }
  const version = word(stanza.get('version'), `version (${name})`)
  const architecture = stanza.get('architecture')
  database.add({
    name,
    version,
    architecture: architecture === undefined ? null : word(architecture, `architecture (${name})`),
    source: sourceOf(stanza.get('source'), version, name),
  })
}

/** `glibc`, or `gcc-12 (12.2.0-14+deb12u1)` where the versions differ. Source: Debian policy 5.6.1. */
function sourceOf(field: string | undefined, version: string, of: string) {
  if (field === undefined) return null
  const [, name, sourceVersion = version] = /^(\S+)(?: +\((\S+)\))?$/.exec(field) ?? []
  return { name: word(name, `readable source (${of})`), version: word(sourceVersion, `source version (${of})`) }
}

function listSink(entry: Entry, line: RegExp): Sink {
  return wholeFile(entry, LIST, (bytes) => {
    const database = new OsDatabase({ path: entry.path, analyzer: NAME, type: 'deb' })
    const directories = directoriesIn(pathsIn(bytes, line))
    for (const path of pathsIn(bytes, line)) if (!directories.has(path)) database.own(path)
    return database.result()
  })
}

function* pathsIn(bytes: Buffer, line: RegExp): Generator<string> {
  for (const text of linesOf(bytes)) {
    const path = line.exec(text)?.[2]
    if (path !== undefined) yield path
  }
}

/** Directories are listed like files: whatever another path is in is one. To own one too many does no harm, to hold a million does. */
function directoriesIn(paths: Iterable<string>): Set<string> {
  const directories = new Set<string>()
  let last = ''
  for (const path of paths) {
    const directory = path.slice(0, path.lastIndexOf('/'))
    if (directory !== last && directories.size < MAX_DIRECTORIES) directories.add(directory)
    last = directory
  }
  return directories
}
