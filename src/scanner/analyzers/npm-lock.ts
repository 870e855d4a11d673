import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages, splitName } from './found-packages.ts'
import type { JsonObject } from './json.ts'
import { objectOf, parseJson, requireObject, textOf } from './json.ts'
import { pnpmLock } from './pnpm-lock.ts'
import { yarnLock } from './yarn-lock.ts'

/** Also read by `mergeLayers`, which drops what a lock names where the packages themselves are installed beside it. */
export const NPM_LOCK = 'npm-lock'
const FILE = { analyzer: NPM_LOCK, maxBytes: 16 * 1024 * 1024, weight: 'partial' } as const

/** One package of a lock file: `@scope/name`. */
export interface Locked {
  readonly name: string
  readonly version: string
}

const READERS: ReadonlyMap<string, (bytes: Buffer) => Iterable<Locked>> = new Map([
  ['package-lock.json', packageLock],
  ['npm-shrinkwrap.json', packageLock],
  ['yarn.lock', (bytes) => yarnLock(bytes.toString())],
  ['pnpm-lock.yaml', (bytes) => pnpmLock(bytes.toString())],
])

/**
 * What a lock file names, for images where the packages were bundled into something else. Not what is for development only: it was
 * not installed to run.
 */
export const npmLock: Analyzer = {
  name: NPM_LOCK,
  open(entry) {
    const { path } = entry
    const read = READERS.get(path.slice(path.lastIndexOf('/') + 1))
    if (read === undefined || /(?:^|\/)node_modules\//.test(path)) return null
    return wholeFile(entry, FILE, (bytes) => parse(read(bytes), entry))
  },
}

function parse(locked: Iterable<Locked>, entry: Entry): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer: NPM_LOCK, type: 'npm' })
  const seen = new Set<string>()
  for (const { name, version } of locked) {
    if (found.isFull) break
    const key = `${name}@${version}`
    if (!seen.has(key)) found.add({ ...splitName(name), version })
    seen.add(key)
  }
  return found.result()
}

/** Versions 2 and 3 have `packages`, 1 and 2 `dependencies`. Source: npm docs, package-lock.json. */
function* packageLock(bytes: Buffer): Generator<Locked> {
  const lock = requireObject(parseJson(bytes), 'JSON')
  const { packages, dependencies } = lock
  if (packages !== undefined) yield* packagesOf(requireObject(packages, 'list of packages'))
  else if (dependencies !== undefined) {
    requireObject(dependencies, 'list of dependencies')
    yield* dependenciesOf(lock)
  } else if (lock['lockfileVersion'] === undefined) throw new Error('it is no lock file of npm')
}

function* packagesOf(packages: JsonObject): Generator<Locked> {
  for (const [folder, value] of Object.entries(packages)) {
    const one = objectOf(value)
    // A folder of one's own (a workspace, `file:`) is described under the path that it has.
    const target = one['link'] === true ? objectOf(packages[textOf(one['resolved'])]) : one
    const { name, version } = target
    const at = folder.lastIndexOf('node_modules/')
    if (at < 0 || one['dev'] === true || target['dev'] === true || textOf(version) === '') continue
    yield { name: textOf(name) || folder.slice(at + 'node_modules/'.length), version: textOf(version) }
  }
}

/** Without recursion: how deep they lie is the author's choice. */
function* dependenciesOf(lock: JsonObject): Generator<Locked> {
  const open: JsonObject[] = [lock]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, value] of Object.entries(objectOf(next['dependencies']))) {
      const one = objectOf(value)
      open.push(one)
      if (one['dev'] === true) continue
      const [, other, version = textOf(one['version'])] = /^npm:(.+)@([^@]+)$/.exec(textOf(one['version'])) ?? []
      // `git+https://…`, `file:…`: from no registry, and without a version.
      if (/^\d/.test(version)) yield { name: other ?? name, version }
    }
  }
}
