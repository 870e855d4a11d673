/** One file that a publisher keeps up to date. */
export interface Feed {
  /** Also the name of the file it is kept in until it is taken in. */
  readonly name: string
  readonly url: string
}

/** What can be asked for by a word: `osv:npm`, `alpine:v3.20`, `debian`, `kev`, `epss`. */
export interface Source {
  readonly name: string
  /** Of OSV: the ecosystem, whose changes can be asked for alone. */
  readonly ecosystem: string | null
  readonly feeds: readonly Feed[]
  /** What it becomes in a snapshot: the name of its `SourceState`. */
  readonly state: string
}

/** Where the publishers say that these files are: osv.dev "Data sources", secdb.alpinelinux.org, security-tracker.debian.org, CISA, FIRST. */
const PUBLISHERS = {
  osv: 'https://storage.googleapis.com/osv-vulnerabilities',
  alpine: 'https://secdb.alpinelinux.org',
  debian: 'https://security-tracker.debian.org/tracker/data/json',
  kev: 'https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json',
  epss: 'https://epss.empiricalsecurity.com/epss_scores-current.csv.gz',
} as const

type Publishers = Readonly<Record<keyof typeof PUBLISHERS, string>>

/** A mirror inside has the same files under one address. */
function placesOf(mirror: string | null): Publishers {
  if (mirror === null) return PUBLISHERS
  const base = mirror.replace(/\/+$/, '')
  return {
    osv: `${base}/osv`,
    alpine: `${base}/alpine`,
    debian: `${base}/debian.json`,
    kev: `${base}/kev.json`,
    epss: `${base}/epss.csv.gz`,
  }
}

const ALPINE = /^alpine:(edge|v\d{1,3}\.\d{1,3})$/
const OSV = /^osv:([A-Za-z][A-Za-z0-9 .-]{0,60})$/

/** Null: there is no such source. */
export function sourceNamed(name: string, mirror: string | null = null): Source | null {
  const places = placesOf(mirror)
  const branch = ALPINE.exec(name)?.[1]
  const ecosystem = OSV.exec(name)?.[1]
  if (ecosystem !== undefined)
    return { name, ecosystem, feeds: [osvFeed(ecosystem, 'all.zip', places.osv)], state: name }
  if (branch !== undefined) {
    const feeds = ['main', 'community'].map((repository) => ({
      name: `alpine-${branch}-${repository}.json`,
      url: `${places.alpine}/${branch}/${repository}.json`,
    }))
    return { name, ecosystem: null, feeds, state: name }
  }
  const single = SINGLE.find((one) => one.name === name)
  if (single === undefined) return null
  const { file, state } = single
  return { name, ecosystem: null, feeds: [{ name: file, url: places[single.name] }], state }
}

const SINGLE = [
  { name: 'debian', file: 'debian-tracker.json', state: 'debian-tracker' },
  { name: 'kev', file: 'kev.json', state: 'kev' },
  { name: 'epss', file: 'epss.csv.gz', state: 'epss' },
] as const

/** `all.zip`, `modified_id.csv` or `<id>.json` of an ecosystem. Source: google.github.io/osv.dev/data. */
export function osvFeed(ecosystem: string, file: string, base: string): Feed {
  return {
    name: `osv-${ecosystem.replaceAll(' ', '_')}-${file}`,
    url: `${base}/${encodeURIComponent(ecosystem)}/${file}`,
  }
}

/** Of the ecosystems that packages here can be of, those that OSV publishes. Source: osv-vulnerabilities/ecosystems.txt. */
const OF_OSV: ReadonlySet<string> = new Set([
  ...['npm', 'PyPI', 'Go', 'Maven', 'RubyGems', 'Packagist', 'crates.io', 'NuGet', 'Bitnami'],
  ...['Wolfi', 'Chainguard', 'Ubuntu', 'AlmaLinux', 'Rocky Linux', 'Red Hat', 'Photon OS', 'Azure Linux'],
  ...['openSUSE', 'SUSE', 'openEuler'],
])

/** The sources that speak of packages of these ecosystems, and what says how urgent a flaw is. Nothing for nothing. */
export function sourcesFor(ecosystems: readonly string[]): string[] {
  const own = ecosystems.flatMap((ecosystem) => {
    const [name = ''] = ecosystem.split(':')
    const word = ecosystem.replace(/^Alpine:/, 'alpine:')
    if (ALPINE.test(word)) return [word]
    if (name === 'Debian') return ['debian']
    return OF_OSV.has(name) ? [`osv:${name}`] : []
  })
  return own.length === 0 ? [] : ['kev', 'epss', ...[...new Set(own)].sort()]
}
