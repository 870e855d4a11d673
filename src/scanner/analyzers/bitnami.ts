import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'
import type { JsonObject } from './json.ts'
import { listOf, objectOf, parseJson, textOf } from './json.ts'

const NAME = 'bitnami'
const FILE = { analyzer: NAME, maxBytes: 16 * 1024 * 1024, weight: 'partial' } as const

/** Programs that Bitnami compiled, each with its SPDX document: `opt/bitnami/redis/.spdx-redis.spdx`. */
export const bitnami: Analyzer = {
  name: NAME,
  open(entry) {
    if (!/^opt\/bitnami\/(?:[^/]+\/)*\.spdx-[^/]+\.spdx$/.test(entry.path)) return null
    return wholeFile(entry, FILE, (bytes) => parse(bytes, entry))
  },
}

function parse(bytes: Buffer, entry: Entry): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer: NAME, type: 'bitnami' })
  const { packages } = objectOf(parseJson(bytes))
  if (!Array.isArray(packages)) throw new Error('it has no list of packages')
  for (const one of packages.map(objectOf)) {
    const purl = bitnamiUrl(one)
    if (purl) found.add({ namespace: null, ...purl })
  }
  return found.result()
}

/** `7.0.0-1` is Bitnami's second build of 7.0.0: advisories go by the version, to which it would be a release before 7.0.0. */
const REVISION = /^(\d+\.\d+\.\d+)-\d+$/

/** Documents also name parts of other kinds (`pkg:github/…`), for which no advisories of Bitnami's exist. */
function bitnamiUrl(one: JsonObject): { readonly name: string; readonly version: string } | null {
  const locators = listOf(one['externalRefs']).map((ref) => textOf(objectOf(ref)['referenceLocator']))
  for (const locator of locators) {
    const [, name, version = ''] = /^pkg:bitnami\/([^@?#/]+)(?:@([^?#]+))?/.exec(locator) ?? []
    const full = decoded(version) || textOf(one['versionInfo'])
    if (name !== undefined) return { name: decoded(name), version: full.replace(REVISION, '$1') }
  }
  return null
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
