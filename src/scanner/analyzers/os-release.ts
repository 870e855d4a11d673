import type { OsRelease } from '../facts.ts'
import type { Analyzer, AnalyzerResult } from './analyzer.ts'
import { NOTHING, wholeFile } from './analyzer.ts'

/** The largest seen have 1 kB. Without it the distribution is unknown, and so is every package of it. */
const ABOUT = { analyzer: 'os-release', maxBytes: 64 * 1024, weight: 'fatal' } as const

const RELEASE_NAMES = ['redhat', 'centos', 'almalinux', 'rocky', 'oracle', 'fedora', 'system']
const READERS: ReadonlyMap<string, (text: string) => OsRelease | null> = new Map([
  ['etc/os-release', parseOsRelease],
  ['usr/lib/os-release', parseOsRelease],
  ['etc/alpine-release', parseAlpine],
  ['etc/debian_version', parseDebian],
  ...RELEASE_NAMES.flatMap((name) =>
    [`etc/${name}-release`, `usr/lib/${name}-release`].map((path) => [path, parseRedHat] as const),
  ),
])

/** A million paths are asked for; most are longer, and need no look into the map. */
const LONGEST = Math.max(...Array.from(READERS.keys(), (path) => path.length))

/** Which distribution it is. Where several files say so, `mergeLayers` takes os-release first. */
export const osRelease: Analyzer = {
  name: ABOUT.analyzer,
  open(entry) {
    const parse = entry.path.length > LONGEST ? undefined : READERS.get(entry.path)
    if (parse === undefined) return null
    return wholeFile(entry, ABOUT, (bytes): AnalyzerResult => ({ ...NOTHING, os: parse(bytes.toString('utf8')) }))
  },
}

/** Source: os-release(5). A file without ID says nothing. */
function parseOsRelease(text: string): OsRelease | null {
  const values = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) values.set(name, unquote(value.trim()))
  }
  const said = (name: string): string | null => shown(values.get(name) ?? '')
  const id = idOf(values.get('ID') ?? '')
  if (id === null) return null
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).flatMap((one) => idOf(one) ?? []),
    versionId: said('VERSION_ID'),
    codename: said('VERSION_CODENAME') ?? said('UBUNTU_CODENAME'),
    prettyName: said('PRETTY_NAME'),
  }
}

/** As a shell reads one word: quotes go, a backslash guards what follows it (in double quotes only `"`, `\`, `$` and a backtick). */
function unquote(value: string): string {
  const quote = value[0]
  const body =
    (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote) ? value.slice(1, -1) : value
  if (quote === "'") return body
  return body.replace(quote === '"' ? /\\(["\\$`])/g : /\\(.)/g, '$1')
}

function idOf(text: string): string | null {
  const id = text.toLowerCase()
  return /^[a-z0-9._-]{1,64}$/.test(id) ? id : null
}

/** What is shown to people: at most a line, and no control characters. */
function shown(text: string): string | null {
  const clean = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trim()
  return clean === '' ? null : clean.slice(0, 200)
}

function parseAlpine(text: string): OsRelease | null {
  const version = firstWord(text)
  return version === null ? null : release('alpine', { versionId: version, prettyName: `Alpine Linux ${version}` })
}

/** `12.5`, whose os-release says `12`; `trixie/sid` of a release still in the making, whose os-release has no version. */
function parseDebian(text: string): OsRelease | null {
  const said = firstWord(text)
  if (said === null) return null
  const [, major] = /^(\d+)(?:\.\d+)*$/.exec(said) ?? []
  const [codename = said] = said.split('/')
  return release('debian', {
    versionId: major ?? null,
    codename: major === undefined && /^[a-z]+$/.test(codename) ? codename : null,
    prettyName: `Debian GNU/Linux ${said}`,
  })
}

const RED_HATS: readonly (readonly [RegExp, string])[] = [
  [/^Red Hat/i, 'rhel'],
  [/^CentOS/i, 'centos'],
  [/^AlmaLinux/i, 'almalinux'],
  [/^Rocky/i, 'rocky'],
  [/^Oracle/i, 'ol'],
  [/^Fedora/i, 'fedora'],
  [/^Amazon/i, 'amzn'],
]

/** `CentOS Linux release 7.9.2009 (Core)`. CentOS writes VERSION_ID without the minor version, the others with it. */
function parseRedHat(text: string): OsRelease | null {
  const line = shown(text.split('\n', 1)[0] ?? '')
  const [, id] = RED_HATS.find(([name]) => name.test(line ?? '')) ?? []
  const [, version] = /\brelease (\d+(?:\.\d+)*)/i.exec(line ?? '') ?? []
  if (line === null || id === undefined) return null
  const [major = null] = version?.split('.') ?? []
  const versionId = id === 'centos' ? major : (version ?? null)
  return release(id, { idLike: id === 'fedora' ? [] : ['rhel', 'fedora'], versionId, prettyName: line })
}

function firstWord(text: string): string | null {
  return /^\s*([\w./~+-]{1,64})\s*(?:\n|$)/.exec(text)?.[1] ?? null
}

function release(id: string, known: Partial<OsRelease>): OsRelease {
  return { id, idLike: [], versionId: null, codename: null, prettyName: null, ...known }
}
