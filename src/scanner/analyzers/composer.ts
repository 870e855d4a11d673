import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages, splitName } from './found-packages.ts'
import { objectOf, parseJson, textOf } from './json.ts'

const NAME = 'composer'
/** Also read by `mergeLayers`: dropped where the packages are installed beside it. */
export const COMPOSER_LOCK = 'composer-lock'
const INSTALLED = { analyzer: NAME, maxBytes: 16 * 1024 * 1024, weight: 'fatal' } as const
const LOCK = { analyzer: COMPOSER_LOCK, maxBytes: 16 * 1024 * 1024, weight: 'partial' } as const

/** Composer's record of what it installed: a list (1), or an object with one (2). In `vendor`, unless it was told otherwise. */
export const composer: Analyzer = {
  name: NAME,
  open(entry) {
    if (!/(?:^|\/)composer\/installed\.json$/.test(entry.path)) return null
    return wholeFile(entry, INSTALLED, (bytes) => {
      const json = parseJson(bytes)
      const packages = Array.isArray(json) ? json : objectOf(json)['packages']
      return parse(listIn(packages), entry, NAME)
    })
  },
}

/** Without `packages-dev`: those are not installed to run. */
export const composerLock: Analyzer = {
  name: COMPOSER_LOCK,
  open(entry) {
    if (!/(?:^|\/)composer\.lock$/.test(entry.path)) return null
    return wholeFile(entry, LOCK, (bytes) =>
      parse(listIn(objectOf(parseJson(bytes))['packages']), entry, COMPOSER_LOCK),
    )
  },
}

/** @throws when it is none. */
function listIn(packages: unknown): readonly unknown[] {
  if (!Array.isArray(packages)) throw new Error('it has no list of packages')
  return packages
}

function parse(packages: readonly unknown[], entry: Entry, analyzer: string): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer, type: 'composer' })
  for (const one of packages.map(objectOf)) {
    if (found.isFull) break
    const [name, version] = [textOf(one['name']), textOf(one['version'])]
    found.add({ ...splitName(name), version: version.replace(/^v(?=\d)/i, '') })
  }
  return found.result()
}
