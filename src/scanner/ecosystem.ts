import type { OsRelease } from './facts.ts'
import type { Package, PackageType } from './package.ts'

/** What advisories call a package: where, under which name, and which of its versions they mean. */
export interface Subject {
  /** Canonical, see `canonicalEcosystem`. */
  readonly ecosystem: string
  readonly name: string
  readonly version: string
}

type Installed = Package & { readonly source: { readonly name: string; readonly version: string } | null }

const LANGUAGES: Readonly<Partial<Record<PackageType, string>>> = {
  npm: 'npm',
  pypi: 'PyPI',
  golang: 'Go',
  maven: 'Maven',
  gem: 'RubyGems',
  composer: 'Packagist',
  cargo: 'crates.io',
  nuget: 'NuGet',
  bitnami: 'Bitnami',
}

/** By the ID of os-release. Derivatives that are not here answer to nobody we know: their parents' fixes are not theirs. */
const DISTRIBUTIONS: Readonly<Record<string, { readonly name: string; readonly version: 'major' | 'minor' | 'none' }>> =
  {
    alpine: { name: 'Alpine', version: 'minor' },
    wolfi: { name: 'Wolfi', version: 'none' },
    chainguard: { name: 'Chainguard', version: 'none' },
    debian: { name: 'Debian', version: 'major' },
    ubuntu: { name: 'Ubuntu', version: 'minor' },
    almalinux: { name: 'AlmaLinux', version: 'major' },
    rocky: { name: 'Rocky Linux', version: 'major' },
    rhel: { name: 'Red Hat', version: 'major' },
    ol: { name: 'Oracle Linux', version: 'major' },
    amzn: { name: 'Amazon Linux', version: 'major' },
    photon: { name: 'Photon OS', version: 'minor' },
    mariner: { name: 'Azure Linux', version: 'major' },
    azurelinux: { name: 'Azure Linux', version: 'major' },
    opensuse: { name: 'openSUSE', version: 'minor' },
    'opensuse-leap': { name: 'openSUSE', version: 'minor' },
    sles: { name: 'SUSE', version: 'minor' },
    bci: { name: 'SUSE', version: 'minor' },
    openeuler: { name: 'openEuler', version: 'minor' },
  }

const OS_TYPES: ReadonlySet<PackageType> = new Set(['apk', 'deb', 'rpm'])

export function isOsPackage({ type }: Package): boolean {
  return OS_TYPES.has(type)
}

/** Null: an OS that nobody's advisories we know answer for. `edge` comes from Alpine's list of repositories (scanning.md, trap 6). */
export function ecosystemOfOs(
  os: (OsRelease & { readonly hints?: Readonly<Record<string, string>> }) | null,
): string | null {
  const known = os && Object.hasOwn(DISTRIBUTIONS, os.id) ? DISTRIBUTIONS[os.id] : undefined
  if (!os || !known) return null
  if (known.version === 'none') return known.name
  if (known.name === 'Alpine' && isEdge(os)) return 'Alpine:edge'
  const [major, minor] = (os.versionId ?? '').split('.')
  if (!major || !/^\d+$/.test(major)) return null
  const version = known.version === 'minor' && minor !== undefined ? `${major}.${minor}` : major
  return canonicalEcosystem(`${known.name}:${version}`)
}

function isEdge({ versionId, hints = {} }: OsRelease & { readonly hints?: Readonly<Record<string, string>> }): boolean {
  return hints['apk-repositories'] === 'edge' || /_alpha/.test(versionId ?? '')
}

/**
 * One spelling for each release, whoever writes it: `Alpine:v3.20`, `Ubuntu:22.04:LTS` → `Ubuntu:22.04`, `AlmaLinux:9.4` → `AlmaLinux:9`,
 * `Red Hat:enterprise_linux:9::baseos` → `Red Hat:9`. Importers file under it, matching looks under it.
 */
export function canonicalEcosystem(text: string): string {
  const [name = '', ...rest] = text.split(':')
  const version = rest.join(':')
  if (version === '') return name
  if (name === 'Alpine') return `Alpine:${version === 'edge' ? 'edge' : `v${version.replace(/^v/, '')}`}`
  if (name === 'Ubuntu') return `Ubuntu:${/\d+\.\d+/.exec(version)?.[0] ?? version}`
  if (name === 'Red Hat') return `Red Hat:${/(?:enterprise_linux|rhel_\w+|^):?(\d+)/.exec(version)?.[1] ?? version}`
  if (MAJOR_ONLY.has(name)) return `${name}:${/\d+/.exec(version)?.[0] ?? version}`
  return `${name}:${version}`
}

const MAJOR_ONLY: ReadonlySet<string> = new Set([
  'AlmaLinux',
  'Rocky Linux',
  'Oracle Linux',
  'Amazon Linux',
  'Azure Linux',
  'Debian',
])

/** Null: nobody's advisories that we know name such a package. */
export function subjectOf(one: Installed, osEcosystem: string | null): Subject | null {
  if (isOsPackage(one)) return osEcosystem === null ? null : osSubject(one, osEcosystem)
  const ecosystem = LANGUAGES[one.type]
  return ecosystem === undefined ? null : { ecosystem, name: languageName(one), version: one.version }
}

/** Debian, Ubuntu and Alpine name sources; vendors of rpm name the packages themselves (scanning.md, trap 2). */
function osSubject(one: Installed, ecosystem: string): Subject {
  if (one.type === 'rpm' || one.source === null) return { ecosystem, name: one.name, version: one.version }
  return { ecosystem, name: one.source.name, version: one.source.version }
}

/** As the ecosystem's records write it, in the one spelling that `canonicalName` gives. */
function languageName({ type, namespace, name }: Package): string {
  if (type === 'maven') return `${namespace ?? ''}:${name}`
  const full = namespace === null ? name : `${namespace}/${name}`
  return canonicalName(LANGUAGES[type] ?? '', full)
}

/** Names that an ecosystem takes for the same, as one. Sources: PEP 503; NuGet and Composer compare in any case. */
export function canonicalName(ecosystem: string, name: string): string {
  if (ecosystem === 'PyPI') return name.toLowerCase().replace(/[-_.]+/g, '-')
  if (ecosystem === 'NuGet' || ecosystem === 'Packagist') return name.toLowerCase()
  return name
}
