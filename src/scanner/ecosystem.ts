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

interface Distribution {
  readonly name: string
  /** How much of VERSION_ID its advisories name. */
  readonly version: 'major' | 'minor' | 'none'
}

/** By the ID of os-release. Derivatives that are not here answer to nobody we know: their parents' fixes are not theirs. */
const DISTRIBUTIONS: Readonly<Record<string, Distribution>> = {
  alpine: { name: 'Alpine', version: 'minor' },
  alpaquita: { name: 'Alpaquita', version: 'major' },
  wolfi: { name: 'Wolfi', version: 'none' },
  chainguard: { name: 'Chainguard', version: 'none' },
  minimos: { name: 'MinimOS', version: 'none' },
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
  mageia: { name: 'Mageia', version: 'major' },
  opensuse: { name: 'openSUSE', version: 'minor' },
  'opensuse-leap': { name: 'openSUSE', version: 'minor' },
  'opensuse-tumbleweed': { name: 'openSUSE:Tumbleweed', version: 'none' },
  openeuler: { name: 'openEuler', version: 'minor' },
  ...Object.fromEntries(
    ['sles', 'sled', 'sles_sap', 'sle_hpc', 'sle-micro', 'sl-micro', 'bci'].map((id) => [
      id,
      { name: 'SUSE', version: 'minor' } as const,
    ]),
  ),
}

/** Source: www.debian.org/releases. */
export const DEBIAN_RELEASES: Readonly<Record<string, string>> = {
  squeeze: '6',
  wheezy: '7',
  jessie: '8',
  stretch: '9',
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
  forky: '14',
  duke: '15',
  sid: 'sid',
}

const OS_TYPES: ReadonlySet<PackageType> = new Set(['apk', 'deb', 'rpm'])

export function isOsPackage({ type }: Package): boolean {
  return OS_TYPES.has(type)
}

type Os = OsRelease & { readonly hints?: Readonly<Record<string, string>> }

/** Null: an OS that nobody's advisories we know answer for. `edge` comes from Alpine's list of repositories (scanning.md, trap 6). */
export function ecosystemOfOs(os: Os | null): string | null {
  const known = os && Object.hasOwn(DISTRIBUTIONS, os.id) ? DISTRIBUTIONS[os.id] : undefined
  if (!os || !known) return null
  if (known.version === 'none') return known.name
  const special = SPECIAL[known.name]?.(os)
  if (special !== undefined) return special
  const [major, minor] = (os.versionId ?? '').split('.')
  if (!major || !/^\d+$/.test(major)) return null
  const version = known.version === 'minor' && minor !== undefined ? `${major}.${minor}` : major
  return canonicalEcosystem(`${known.name}:${version}${known.name === 'openEuler' ? servicePackOf(os) : ''}`)
}

/** Releases that their VERSION_ID does not tell. Undefined: it does. */
const SPECIAL: Readonly<Record<string, (os: Os) => string | null | undefined>> = {
  Alpine: (os) => (isEdge(os) ? 'Alpine:edge' : undefined),
  Alpaquita: ({ versionId }) => (versionId === 'stream' ? 'Alpaquita:stream' : undefined),
  Debian: (os) => (os.versionId === null ? debianInTheMaking(os) : undefined),
}

function isEdge({ versionId, hints = {} }: Os): boolean {
  return hints['apk-repositories'] === 'edge' || /_alpha/.test(versionId ?? '')
}

/** Testing and unstable have the same os-release, without a version: who follows unstable says so in apt's sources. */
function debianInTheMaking({ codename, prettyName, hints = {} }: Os): string | null {
  if (hints['apt-suite'] === 'sid') return 'Debian:sid'
  const name = codename ?? /([a-z]+)\/sid/.exec(prettyName ?? '')?.[1] ?? ''
  return Object.hasOwn(DEBIAN_RELEASES, name) ? `Debian:${DEBIAN_RELEASES[name]}` : null
}

/** `openEuler 22.03 (LTS-SP3)` has VERSION_ID 22.03. */
function servicePackOf({ prettyName }: Os): string {
  const pack = /\((LTS(?:-SP\d+)?)\)/i.exec(prettyName ?? '')?.[1]
  return pack === undefined ? '' : `-${pack.toUpperCase()}`
}

/**
 * One spelling for each release, whoever writes it: `Alpine:v3.20`, `Ubuntu:22.04:LTS` → `Ubuntu:22.04`, `AlmaLinux:9.4` → `AlmaLinux:9`,
 * `Red Hat:enterprise_linux:9::baseos` → `Red Hat:9`. Importers file under it, matching looks under it. Builds of their own (Ubuntu's FIPS, Red
 * Hat's extended support) have versions of their own, and stay what they are.
 */
export function canonicalEcosystem(text: string): string {
  const colon = text.indexOf(':')
  if (colon < 0 || colon === text.length - 1) return text.replace(/:$/, '')
  const name = text.slice(0, colon)
  const version = text.slice(colon + 1)
  if (WITH_REPOSITORY.has(name)) return name
  return `${name}:${RELEASES[name]?.(version) ?? version}`
}

/** What follows is the address of a repository, which no installed package tells; its name is the same wherever it comes from. */
const WITH_REPOSITORY: ReadonlySet<string> = new Set(['Maven', 'Packagist'])

/** Whose records may leave the release out, which means each of them. Source: OSV schema, "Defined ecosystems". */
const ALL_RELEASES: Readonly<Record<string, readonly string[]>> = {
  Debian: [...new Set(Object.values(DEBIAN_RELEASES))],
  AlmaLinux: ['8', '9', '10'],
  'Rocky Linux': ['8', '9', '10'],
}

/** Canonical, where a record of `text` is filed: most in one. */
export function ecosystemsOfRecord(text: string): string[] {
  const one = canonicalEcosystem(text)
  const releases = Object.hasOwn(ALL_RELEASES, one) ? ALL_RELEASES[one] : undefined
  return releases?.map((release) => `${one}:${release}`) ?? [one]
}

const major = (version: string): string | undefined => /\d+/.exec(version)?.[0]

/** Of one vendor's ways to name a release. Undefined: none that we know; as written. */
const RELEASES: Readonly<Record<string, (version: string) => string | undefined>> = {
  Alpine: (version) => (version === 'edge' ? 'edge' : `v${/^v?(\d+\.\d+)/.exec(version)?.[1] ?? version}`),
  // What Ubuntu Pro fixes is in the packages of the release that everybody has.
  Ubuntu: (version) => /^(?:Pro:)?(\d+\.\d+)(?::LTS)?$/.exec(version)?.[1],
  'Red Hat': (version) => /^(?:enterprise_linux:)?(\d+)(?:\.\d+)?(?:::\w+)?$/.exec(version)?.[1],
  // A package stands under the module that brings it; which that is, no image says.
  SUSE: (version) => {
    const [, release, pack] =
      /^Linux (?:Enterprise|Micro)\b.*? (\d+(?:\.\d+)?)(?: SP(\d+))?(?:-[A-Z]+)*$/.exec(version) ?? []
    return release === undefined || pack === undefined ? release : `${release}.${pack}`
  },
  openSUSE: (version) => /^Leap (\d+\.\d+)(?: NonFree)?$/.exec(version)?.[1],
  Debian: (version) => (Object.hasOwn(DEBIAN_RELEASES, version) ? DEBIAN_RELEASES[version] : major(version)),
  ...Object.fromEntries(
    ['AlmaLinux', 'Rocky Linux', 'Oracle Linux', 'Amazon Linux', 'Azure Linux', 'Mageia'].map((name) => [name, major]),
  ),
}

/** Whose records name sources, although they are of rpm. Red Hat's do where there is no fix: under `NAME.src`, see `csaf.ts`. */
const BY_SOURCE_TOO: ReadonlySet<string> = new Set([
  'Rocky Linux',
  'SUSE',
  'openSUSE',
  'openEuler',
  'Mageia',
  'Azure Linux',
  'Photon OS',
])

/** What a record of Red Hat that names the source is filed under. */
export function redHatSource(name: string): string {
  return `${name}${SOURCE}`
}

export function isRedHatSource(name: string): boolean {
  return name.endsWith(SOURCE)
}

const SOURCE = '.src'

/** The names under which to look, of one ecosystem. None: nobody's advisories that we know name such a package. */
export function subjectsOfPackage(one: Installed, osEcosystem: string | null): Subject[] {
  if (isOsPackage(one)) return osEcosystem === null ? [] : osSubjects(one, osEcosystem)
  const ecosystem = LANGUAGES[one.type]
  return ecosystem === undefined ? [] : [{ ecosystem, name: languageName(one), version: one.version }]
}

/** Debian, Ubuntu and Alpine name sources, AlmaLinux the packages themselves, other vendors of rpm one or the other (scanning.md, trap 2). */
function osSubjects({ type, name, version, source }: Installed, ecosystem: string): Subject[] {
  const itself = { ecosystem, name, version }
  if (source === null) return [itself]
  const itsSource = { ecosystem, name: source.name, version: source.version }
  if (type !== 'rpm') return [itsSource]
  const [vendor = ''] = ecosystem.split(':', 1)
  if (vendor === 'Red Hat') return [itself, { ...itsSource, name: redHatSource(source.name) }]
  return BY_SOURCE_TOO.has(vendor) && source.name !== name ? [itself, itsSource] : [itself]
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
