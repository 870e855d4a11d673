import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { NOTHING, wholeFile } from './analyzer.ts'
import { FoundPackages, splitName } from './found-packages.ts'
import { parseJson, requireObject, textOf } from './json.ts'

const NAME = 'npm'
const FILE = { analyzer: NAME, maxBytes: 4 * 1024 * 1024, weight: 'partial' } as const

/**
 * A package's own folder: `node_modules/x`, `node_modules/@s/x`, and those in it. What lies elsewhere below a package (fixtures,
 * `esm/package.json`) is part of it. Of pnpm, Bun, Deno, vlt and npm's linked strategy the store, `node_modules/.pnpm/x@1.0.0/node_modules/x`; of yarn's
 * `node_modules/.store/x-npm-1.0.0-HASH/package`.
 */
const NAME_OF = String.raw`(?:@[^/]+\/)?[^/.@][^/]*`
const STORE = String.raw`\.(?:pnpm|bun|deno|store|vlt)\/(?:@[^/]+\/)?[^/]+`
const PLACE = new RegExp(
  String.raw`^\/?node_modules\/(?:(?:${STORE}|${STORE}\/package|${NAME_OF})\/node_modules\/)*(?:${STORE}\/package|${NAME_OF})\/package\.json$`,
)

/** Installed packages of npm, yarn and pnpm, named as `npm ls` names them. */
export const npm: Analyzer = {
  name: NAME,
  open(entry) {
    return isPackage(entry.path) ? wholeFile(entry, FILE, (bytes) => parse(bytes, entry)) : null
  },
}

/** Also read by `mergeLayers`: counted where a link of that name in some `node_modules` leads to it. */
export const NPM_LINKED = 'npm-linked'

/** Folders of one's own that npm links into `node_modules`: workspaces, `file:` dependencies, `npm link`. `npm ls` lists them, too. */
export const npmLinked: Analyzer = {
  name: NPM_LINKED,
  open(entry) {
    const { path } = entry
    if (!path.endsWith('/package.json') || path.includes('node_modules/')) return null
    const about = { ...FILE, analyzer: NPM_LINKED }
    return wholeFile(entry, about, (bytes) =>
      parse(bytes, entry, { doubt: 'a folder linked in, perhaps of no registry' }),
    )
  },
}

/** From the first `node_modules` of the path on, nothing may stand between packages. */
function isPackage(path: string): boolean {
  if (!path.endsWith('/package.json')) return false
  const first = path.startsWith('node_modules/') ? 0 : path.indexOf('/node_modules/')
  return first >= 0 && PLACE.test(path.slice(first))
}

function parse(bytes: Buffer, entry: Entry, about: { readonly doubt?: string } = {}): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer: NAME, type: 'npm' })
  const { name, version } = requireObject(parseJson(bytes), 'JSON')
  if (textOf(name) === '' || textOf(version) === '') return NOTHING
  found.add({ ...splitName(textOf(name)), version: cleanVersion(textOf(version)), ...about })
  return found.result()
}

/** As npm reads it: `v1.2.3` and `= 1.2.3` are 1.2.3. Source: normalize-package-data, `fixVersionField`. */
export function cleanVersion(version: string): string {
  return version.trim().replace(/^[=v\s]+(?=\d)/, '')
}
