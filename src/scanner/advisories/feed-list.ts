/** One file that a publisher keeps up to date. */
export interface Feed {
  /** Also the name of the file it is kept in. */
  readonly name: string
  readonly url: string
}

/** What the operator asks for; nothing is asked of anybody otherwise. */
export interface FeedSelection {
  /** Ecosystems by their names in OSV: `npm`, `PyPI`, `Debian`, `AlmaLinux`. */
  readonly osv: readonly string[]
  /** Branches: `v3.20`, `edge`. */
  readonly alpine: readonly string[]
  readonly debian: boolean
  readonly kev: boolean
  readonly epss: boolean
  /** Addresses to ask instead of the publishers' own, such as a mirror inside. */
  readonly from?: Partial<Record<keyof typeof PUBLISHERS, string>>
}

/** Where the publishers say that these files are: osv.dev "Data sources", secdb.alpinelinux.org, security-tracker.debian.org, CISA, FIRST. */
export const PUBLISHERS = {
  osv: 'https://storage.googleapis.com/osv-vulnerabilities',
  alpine: 'https://secdb.alpinelinux.org',
  debian: 'https://security-tracker.debian.org/tracker/data/json',
  kev: 'https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json',
  epss: 'https://epss.empiricalsecurity.com/epss_scores-current.csv.gz',
} as const

/** In the order in which they count when imported. @throws TypeError for a name that would be another address. */
export function feedsOf({ osv, alpine, debian, kev, epss, from = {} }: FeedSelection): Feed[] {
  const base = { ...PUBLISHERS, ...from }
  const branch = (name: string) => safe(name, /^(edge|v\d{1,3}\.\d{1,3})$/)
  return [
    ...osv.map((name) => osvFeed(name, 'all.zip', base.osv)),
    ...alpine.flatMap((name) =>
      ['main', 'community'].map((repository) => ({
        name: `alpine-${branch(name)}-${repository}.json`,
        url: `${base.alpine}/${branch(name)}/${repository}.json`,
      })),
    ),
    ...(debian ? [{ name: 'debian-tracker.json', url: base.debian }] : []),
    ...(kev ? [{ name: 'kev.json', url: base.kev }] : []),
    ...(epss ? [{ name: 'epss.csv.gz', url: base.epss }] : []),
  ]
}

/** `all.zip`, `modified_id.csv` or `<id>.json` of an ecosystem. Source: google.github.io/osv.dev/data. */
export function osvFeed(ecosystem: string, file: string, base: string = PUBLISHERS.osv): Feed {
  const name = safe(ecosystem, /^[A-Za-z][A-Za-z0-9 .-]{0,60}$/)
  return { name: `osv-${name.replaceAll(' ', '_')}-${file}`, url: `${base}/${encodeURIComponent(name)}/${file}` }
}

function safe(name: string, form: RegExp): string {
  if (form.test(name)) return name
  throw new TypeError(`there is no source of advisories "${name.slice(0, 60)}"`)
}
