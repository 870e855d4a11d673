import { compareApk } from './apk.ts'
import type { Compare } from './compare.ts'
import { compareComposer } from './composer.ts'
import { compareDeb } from './deb.ts'
import { compareGem } from './gem.ts'
import { compareGo } from './go.ts'
import { compareMaven } from './maven.ts'
import { compareNuget } from './nuget.ts'
import { compareCran, compareHackage, comparePub } from './numbers.ts'
import { comparePep440 } from './pep440.ts'
import { compareRpm } from './rpm.ts'
import { compareSemver } from './semver.ts'

/** By the ecosystem's name in OSV, without its suffix. Source: OSV schema, "affected[].package field". */
const SCHEMES: ReadonlyMap<string, Compare> = new Map([
  ['Alpine', compareApk],
  ['Alpaquita', compareApk],
  ['Chainguard', compareApk],
  ['MinimOS', compareApk],
  ['Wolfi', compareApk],
  ['Debian', compareDeb],
  ['Ubuntu', compareDeb],
  ['Echo', compareDeb],
  ['AlmaLinux', compareRpm],
  ['Rocky Linux', compareRpm],
  ['Red Hat', compareRpm],
  ['Oracle Linux', compareRpm],
  ['Amazon Linux', compareRpm],
  ['Azure Linux', compareRpm],
  ['SUSE', compareRpm],
  ['openSUSE', compareRpm],
  ['openEuler', compareRpm],
  ['Photon OS', compareRpm],
  ['Mageia', compareRpm],
  ['npm', compareSemver],
  ['crates.io', compareSemver],
  ['Hex', compareSemver],
  ['SwiftURL', compareSemver],
  ['GitHub Actions', compareSemver],
  ['Bitnami', compareSemver],
  ['Go', compareGo],
  ['NuGet', compareNuget],
  ['PyPI', comparePep440],
  ['RubyGems', compareGem],
  ['Packagist', compareComposer],
  ['Maven', compareMaven],
  ['Pub', comparePub],
  ['CRAN', compareCran],
  ['Hackage', compareHackage],
])

/** How versions are ordered in an ecosystem (`Debian:12`, `npm`); null: we do not know, so nothing can be told. */
export function compareIn(ecosystem: string): Compare | null {
  const colon = ecosystem.indexOf(':')
  return SCHEMES.get(colon < 0 ? ecosystem : ecosystem.slice(0, colon)) ?? null
}
