import { canonicalEcosystem } from '../ecosystem.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, isCve, isFields, listOf, nameOf } from './fields.ts'
import { BadRecord, ImportError } from './import-error.ts'
import type { Intake, TakenAffected, Tally } from './intake.ts'
import { MAX_AFFECTED, MAX_ID_LENGTH } from './limits.ts'

export function isSecdb(value: Fields): boolean {
  return Array.isArray(value['packages']) && ('distroversion' in value || 'urlprefix' in value)
}

/**
 * One branch and repository of a secdb: Alpine's, and in the same form Wolfi's and Chainguard's. It replaces what was known of that
 * repository. Source: secdb.alpinelinux.org; `pkg.name` is the source package.
 */
export function takeSecdb(value: Fields, intake: Intake, tally: Tally): void {
  const ecosystem = ecosystemOf(value)
  const state = ecosystem.toLowerCase()
  const repository = typeof value['reponame'] === 'string' ? nameOf(value['reponame'], 'reponame') : 'main'
  const group = `${state}/${repository}`
  const found = new Map<string, Found>()
  for (const one of listOf(value['packages'], 'packages', MAX_AFFECTED)) {
    try {
      addPackage(fieldsOf(fieldsOf(one)['pkg']), ecosystem, found, tally)
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error
      tally.bad(`package ${String(fieldsOf(fieldsOf(one)['pkg'])['name']).slice(0, 100)}`, error.message)
    }
  }
  intake.forget(group)
  const prefix = `${ecosystem.split(':')[0]?.toUpperCase()}-`
  const common = { group, state, kind: 'Alpine secdb', source: 'alpine-secdb', modified: 0, withdrawn: false }
  const nothing = { covers: [], summary: null, details: null, publishedAt: null, references: [], scores: [] }
  for (const [id, { aliases, fixes }] of found) {
    intake.record({
      ...common,
      ...nothing,
      // `ALPINE-13661` has the prefix of its own.
      id: id.startsWith(prefix) ? id : `${prefix}${id}`,
      aliases: id.startsWith(prefix) ? [...aliases] : [id, ...aliases],
      affected: [...fixes.values()].flat(),
    })
    tally.taken()
  }
}

interface Found {
  readonly aliases: Set<string>
  /** By package. */
  readonly fixes: Map<string, TakenAffected[]>
}

function ecosystemOf(value: Fields): string {
  const { distroversion, urlprefix } = value
  if (typeof distroversion === 'string' && /^(edge|v?\d{1,3}\.\d{1,3})$/.test(distroversion))
    return canonicalEcosystem(`Alpine:${distroversion}`)
  if (typeof urlprefix === 'string' && urlprefix.includes('wolfi')) return 'Wolfi'
  if (typeof urlprefix === 'string' && urlprefix.includes('chainguard')) return 'Chainguard'
  throw new ImportError('it has the form of a secdb, but names no branch that we know (distroversion)')
}

function addPackage(pkg: Fields, ecosystem: string, found: Map<string, Found>, tally: Tally): void {
  const name = nameOf(pkg['name'], 'pkg.name')
  if (!isFields(pkg['secfixes'])) throw new BadRecord('secfixes is no object')
  for (const [version, ids] of Object.entries(pkg['secfixes'])) {
    const fixed = nameOf(version.trim(), 'a version of secfixes')
    for (const entry of listOf(ids, 'secfixes', MAX_AFFECTED)) {
      const { id, more, aliases } = idsIn(entry)
      if (id === null)
        tally.bad(`package ${name}, version ${fixed}`, `${JSON.stringify(entry)?.slice(0, 100)} names no vulnerability`)
      else for (const one of [id, ...more]) addFix(one, aliases, { ecosystem, name, fixed }, found)
    }
  }
}

function addFix(
  id: string,
  aliases: readonly string[],
  { ecosystem, name, fixed }: { ecosystem: string; name: string; fixed: string },
  found: Map<string, Found>,
): void {
  const one = found.get(id) ?? { aliases: new Set(), fixes: new Map<string, TakenAffected[]>() }
  found.set(id, one)
  for (const alias of aliases) one.aliases.add(alias)
  const known = one.fixes.get(name) ?? []
  // Version 0 is "never affected", and wins over any other (scanning.md, trap 4).
  if (known[0]?.status === 'not_affected') return
  const common = { ecosystem, name, versions: [], vendorSeverity: null, module: null }
  if (fixed === '0') one.fixes.set(name, [{ ...common, ranges: [], status: 'not_affected' }])
  else {
    const range = { type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed }] } as const
    one.fixes.set(name, [...known, { ...common, ranges: [range], status: null }])
  }
}

interface Ids {
  readonly id: string | null
  readonly more: readonly string[]
  readonly aliases: readonly string[]
}

/**
 * What an entry of secfixes names, among remarks and misspellings (scanning.md, trap 5). CVEs count when there are any; a GHSA beside
 * exactly one is the same flaw, an XSA is a notice that may bundle several.
 */
export function idsIn(entry: unknown): Ids {
  const text = typeof entry === 'string' ? entry.slice(0, MAX_ID_LENGTH * 5) : ''
  if (isCve(text)) return { id: text, more: [], aliases: [] } // as nearly all are
  const cves = Array.from(
    text.matchAll(/CVE[-_ ](\d{4})[-_](\d{4,19})/gi),
    ([, year, number]) => `CVE-${year}-${number}`,
  )
  const ghsas = Array.from(
    text.matchAll(/GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}/gi),
    ([id]) => `GHSA${id.slice(4).toLowerCase()}`,
  )
  const [id, ...more] = [...new Set(cves)]
  if (id !== undefined) return { id, more, aliases: more.length === 0 && ghsas.length === 1 ? ghsas : [] }
  const [ghsa, ...moreGhsas] = [...new Set(ghsas)]
  if (ghsa !== undefined) return { id: ghsa, more: moreGhsas, aliases: [] }
  const others = text.match(/\b[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*\b/g) ?? []
  const other = others.find((word) => /\d/.test(word) && !/^(CVE|CAN)\b/.test(word))
  return { id: other ?? null, more: [], aliases: [] }
}
