import type { PackageType } from '../package.ts'
import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'
import { objectOf, parseJson, requireObject, textOf } from './json.ts'
import { linesIn } from './lines.ts'

/** Also read by `mergeLayers`, which drops what a lock names where one of its packages is installed anywhere. */
export const LANGUAGE_LOCK = 'language-lock'
const FILE = { analyzer: LANGUAGE_LOCK, maxBytes: 16 * 1024 * 1024, weight: 'partial' } as const

interface Locked {
  readonly name: string
  readonly version: string
}

interface Lock {
  readonly type: PackageType
  readonly read: (bytes: Buffer) => Iterable<Locked>
}

const CARGO: Lock = { type: 'cargo', read: (bytes) => tomlLock(bytes.toString(), isOfRegistry) }
const PYTHON: Lock = { type: 'pypi', read: (bytes) => tomlLock(bytes.toString(), isToRun) }
const RUBY: Lock = { type: 'gem', read: (bytes) => gemLock(bytes.toString()) }

const LOCKS: ReadonlyMap<string, Lock> = new Map([
  ['Cargo.lock', CARGO],
  ['poetry.lock', PYTHON],
  ['pdm.lock', PYTHON],
  ['uv.lock', PYTHON],
  ['Pipfile.lock', { type: 'pypi', read: pipLock }],
  ['Gemfile.lock', RUBY],
  ['gems.locked', RUBY],
])

/** Of packages, and of sources that were fetched to build: their authors' locks are not what is here. */
const IN_PACKAGE = /(?:^|\/)(?:node_modules|site-packages|dist-packages|gems|registry|vendor)\//

/** What lock files of Rust, Python and Ruby name, for images where it is installed in no form that tells: a Rust program, say. */
export const languageLock: Analyzer = {
  name: LANGUAGE_LOCK,
  open(entry) {
    const { path } = entry
    const lock = LOCKS.get(path.slice(path.lastIndexOf('/') + 1))
    if (lock === undefined || IN_PACKAGE.test(path)) return null
    return wholeFile(entry, FILE, (bytes) => parse(lock, bytes, entry))
  },
}

function parse({ type, read }: Lock, bytes: Buffer, { path }: Entry): AnalyzerResult {
  const found = new FoundPackages({ path, analyzer: LANGUAGE_LOCK, type })
  const seen = new Set<string>()
  for (const { name, version } of read(bytes)) {
    if (found.isFull) break
    const key = `${name} ${version}`
    if (!seen.has(key)) found.add({ namespace: null, name, version })
    seen.add(key)
  }
  return found.result()
}

type Keys = ReadonlyMap<string, string>

function* tomlLock(text: string, isWanted: (keys: Keys) => boolean): Generator<Locked> {
  if (!IS_TOML_LOCK.test(text) && text.trim() !== '') throw new Error('it is no lock file that is known')
  for (const keys of packageTables(text)) {
    const [name, version] = [wordOf(keys.get('name')), wordOf(keys.get('version'))]
    if (name !== '' && version !== '' && isWanted(keys)) yield { name, version }
  }
}

const IS_TOML_LOCK = /^(?:\[\[package\]\]|package = \[\]|(?:version|lock-version|content-hash) = .+)\r?$/m

/** A table of a million others would cost more than its file. */
const WANTED: ReadonlySet<string> = new Set([
  'name',
  'version',
  'source',
  'category',
  'groups',
  'git',
  'path',
  'source.type',
])

/**
 * The `[[package]]` tables of a lock in TOML, without a parser of TOML: these programs write them themselves, a key a line. Keys of a table
 * below it (`[package.source]`) have its name before them. Sources: cargo's encode.rs, poetry's locker.py, uv's lock/mod.rs, pdm's lockfile.py.
 */
function* packageTables(text: string): Generator<Keys> {
  let keys: Map<string, string> | null = null
  let table = ''
  for (const line of linesIn(text)) {
    if (line === '[[package]]') {
      if (keys !== null) yield keys
      keys = new Map()
      table = ''
    } else if (line.startsWith('[')) table = `${/^\[+package\.(\w+)\]+$/.exec(line)?.[1] ?? 'other'}.`
    const [, key, value] = /^([\w-]+) = (.+)$/.exec(line) ?? []
    const full = `${table}${key}`
    if (keys !== null && value !== undefined && WANTED.has(full)) keys.set(full, value)
  }
  if (keys !== null) yield keys
}

function wordOf(value = ''): string {
  return /^"([^"\\]*)"$/.exec(value)?.[1] ?? ''
}

/** Crates of one's own have no source; of git there is no release. */
function isOfRegistry(keys: Keys): boolean {
  return /^"(?:registry|sparse)\+/.test(keys.get('source') ?? '')
}

/** Not what is for development only, nor one's own (uv: `virtual`, `editable`), nor what is of no registry. */
function isToRun(keys: Keys): boolean {
  const [source, groups = ''] = [keys.get('source'), keys.get('groups')]
  if (source !== undefined && !source.startsWith('{ registry =')) return false
  if (/^"(?:git|directory|file|url)"$/.test(keys.get('source.type') ?? '') || keys.has('git') || keys.has('path'))
    return false
  return keys.get('category') !== '"dev"' && (!groups.startsWith('["') || /"(?:main|default)"/.test(groups))
}

/** Source: Pipfile specification; `develop` is for development. */
function* pipLock(bytes: Buffer): Generator<Locked> {
  const { default: packages } = requireObject(parseJson(bytes), 'JSON')
  for (const [name, value] of Object.entries(requireObject(packages, 'list of packages'))) {
    const version = /^==(.+)$/.exec(textOf(objectOf(value)['version']))?.[1]
    if (version !== undefined) yield { name, version }
  }
}

/** `    rack (2.2.2)` below `GEM`; of a platform's build `(1.15.0-x86_64-linux)`. Source: bundler's lockfile_parser.rb. */
function* gemLock(text: string): Generator<Locked> {
  let section = ''
  let isLock = false
  for (const line of linesIn(text)) {
    if (/^[A-Z]/.test(line)) section = line
    isLock ||= /^(?:GEM|PATH|GIT|PLATFORMS|DEPENDENCIES|BUNDLED WITH)$/.test(line)
    const [, name, version] =
      (section === 'GEM' ? /^ {4}([\w.-]+) \(([^\s()-]+)(?:-[^()]*)?\)$/ : NOTHING).exec(line) ?? []
    if (name !== undefined && version !== undefined) yield { name, version }
  }
  if (!isLock && text.trim() !== '') throw new Error('it is no lock file of bundler')
}

const NOTHING = /(?!)/
