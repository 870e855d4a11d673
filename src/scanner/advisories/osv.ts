import { canonicalEcosystem, canonicalName, ecosystemsOfRecord } from '../ecosystem.ts'
import type { AffectedRange, RangeEvent, Score } from './advisory-index.ts'
import { ANY_MODULE, NO_MODULE } from './advisory-index.ts'
import { scoreOf } from './cvss.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, idOf, isCve, isFields, listOf, nameOf, numberOf, stringsOf, textOf, timeOf } from './fields.ts'
import { BadRecord } from './import-error.ts'
import type { TakenAffected, TakenRecord } from './intake.ts'
import { MAX_AFFECTED, MAX_ALIASES, MAX_COVERED, MAX_ID_LENGTH, MAX_REFERENCES, MAX_VERSIONS } from './limits.ts'

/** A vendor's notices: what they call `related` are the CVEs that they fix. */
const NOTICE =
  /^(DSA|DLA|DTSA|ALSA|ALBA|ALEA|RHSA|RHBA|RHEA|RLSA|RLBA|RLEA|RXSA|ELSA|ELBA|ELEA|USN|LSN|SUSE-|openSUSE-|ALAS|OESA|MGASA|PHSA|CLSA|FEDORA)/
/** Bug fixes and enhancements (scanning.md, trap 3). Red Hat and its kin give some of theirs a CVE; AlmaLinux's are none. */
const NEVER = /^AL[BE]A-/
const RARELY = /^(RH|RL|EL)[BE]A-/

export function isOsv(value: Fields): boolean {
  const known = ['modified', 'affected', 'withdrawn', 'aliases'].some((key) => key in value)
  return typeof value['id'] === 'string' && known
}

/** One record of the OSV schema (1.7). Null: no vulnerability. @throws BadRecord */
export function recordOfOsv(value: Fields): TakenRecord | null {
  const id = idOf(value['id'])
  const related = {
    upstream: stringsOf(value['upstream'], MAX_COVERED),
    also: stringsOf(value['related'], MAX_COVERED),
  }
  const aliases = aliasesOf(id, value)
  const covers = coversOf(id, aliases, related)
  if (NEVER.test(id) || (RARELY.test(id) && covers.length === 0)) return null
  const dates = ['modified', 'published', 'withdrawn'].map((key) => timeOf(value[key]) ?? 0)
  const withdrawn = value['withdrawn'] !== undefined && value['withdrawn'] !== null
  const affected = withdrawn ? [] : affectedOf(id, value)
  const common = { group: 'osv', kind: 'OSV', source: 'osv', id, aliases, covers, withdrawn, affected }
  return {
    ...common,
    // Go's database gives no date of change: that of the withdrawal is one.
    modified: Math.max(...dates),
    state: `osv:${stateOf(value, affected)}`,
    summary: textOf(value['summary']),
    details: textOf(value['details']),
    publishedAt: timeOf(value['published']),
    references: referencesOf(value['references']),
    scores: scoresOf(id, value),
  }
}

/** `UBUNTU-CVE-2024-1` is the vendor's word on that one CVE: the same flaw, although it stands under `upstream`. */
function aliasesOf(id: string, value: Fields): string[] {
  const listed = stringsOf(listOf(value['aliases'], 'aliases', MAX_ALIASES), MAX_ALIASES)
  const named = /^[A-Z]+-(CVE-\d{4}-\d{4,19})$/.exec(id)?.[1]
  const all = new Set([...listed.map((alias) => alias.trim()), ...(named === undefined ? [] : [named])])
  all.delete(id)
  return [...all].filter((alias) => alias !== '' && alias.length <= MAX_ID_LENGTH).sort()
}

function coversOf(id: string, aliases: readonly string[], related: { upstream: string[]; also: string[] }): string[] {
  const named = NOTICE.test(id) ? [...related.upstream, ...related.also] : related.upstream
  const others = [...new Set(named)].filter(
    (one) => one !== id && one.length <= MAX_ID_LENGTH && !aliases.includes(one),
  )
  const cves = others.filter(isCve)
  return (cves.length > 0 ? cves : others).sort()
}

function stateOf(value: Fields, affected: readonly TakenAffected[]): string {
  const [first] = Array.isArray(value['affected']) ? value['affected'] : []
  const written = fieldsOf(fieldsOf(first)['package'])['ecosystem']
  const ecosystem = affected[0]?.ecosystem ?? (typeof written === 'string' ? canonicalEcosystem(written) : '')
  return (ecosystem.split(':')[0] || 'others').slice(0, MAX_ID_LENGTH)
}

function referencesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  const urls = value.map((one) => textOf(fieldsOf(one)['url'])).filter((url) => url !== null && url.length <= 2048)
  return [...new Set(urls as string[])].slice(0, MAX_REFERENCES)
}

/** Numbers where a source gives no vector (RubySec, NodeJS security-wg). */
function scoresOf(id: string, value: Fields): Score[] {
  const source = sourceOf(id)
  const own = fieldsOf(value['database_specific'])
  const stated = numberOf(own['cvss_score'])
  const scores = severitiesOf(value['severity']).map((text) => scoreOf(source, text, numberOf(text) ?? stated))
  if (scores.length === 0) scores.push(scoreOf(source, null, stated))
  for (const [key, version] of [
    ['cvss_v2', '2.0'],
    ['cvss_v3', '3.0'],
    ['cvss_v4', '4.0'],
  ] as const)
    scores.push(scoreOf(source, null, numberOf(own[key]), version))
  return distinct(scores)
}

/** `severity` beside a package is of it alone. */
function ownScores(id: string, affected: Fields): Pick<TakenAffected, 'scores'> {
  const scores = distinct(severitiesOf(affected['severity']).map((text) => scoreOf(sourceOf(id), text, numberOf(text))))
  return scores.length === 0 ? {} : { scores }
}

function sourceOf(id: string): string {
  return `osv:${id.split('-')[0]}`
}

function distinct(scores: readonly (Score | null)[]): Score[] {
  const all = scores.filter((score) => score !== null)
  return all.length < 2 ? all : [...new Map(all.map((score) => [JSON.stringify(score), score])).values()]
}

function severitiesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value
    .map(fieldsOf)
    .filter(({ type }) => typeof type === 'string' && type.startsWith('CVSS_V'))
    .flatMap(({ score }) => (typeof score === 'string' ? [score] : []))
}

function affectedOf(id: string, value: Fields): TakenAffected[] {
  const word = vendorWord(value, id)
  const summary = typeof value['summary'] === 'string' ? value['summary'] : ''
  let left = MAX_VERSIONS
  const found = listOf(value['affected'], 'affected', MAX_AFFECTED).flatMap((given) => {
    if (!isFields(given)) throw new BadRecord('affected holds something that is no object')
    // Records that only speak of commits name no package.
    const about = given['package']
    if (!isFields(about)) return []
    const written = nameOf(about['ecosystem'], 'package.ecosystem')
    const named = nameOf(about['name'], 'package.name')
    const ranges = rangesOf(given['ranges'], left)
    const versions = versionsOf(given['versions'], ranges, left)
    left -= versions.length + ranges.reduce((sum, { events }) => sum + events.length, 0)
    if (versions.length === 0 && ranges.length === 0) return []
    const common = { ranges, versions, status: null, vendorSeverity: vendorWord(given, id) ?? word }
    const scores = ownScores(id, given)
    return ecosystemsOfRecord(written).flatMap((ecosystem) => {
      const one = { ecosystem, name: canonicalName(ecosystem, named), ...common, ...scores }
      return streamsOf(ecosystem, ranges, summary).map((module) => ({ written, one: { ...one, module } }))
    })
  })
  return withoutFixedByPro(found).map(({ one }) => one)
}

interface Entry {
  /** The ecosystem as it is written. */
  readonly written: string
  readonly one: TakenAffected
}

/**
 * Ubuntu tells of a package twice: without a fix for those who have the release, with one for those who have Pro, too. Both have the
 * same package, so the fix ends both.
 */
function withoutFixedByPro(entries: readonly Entry[]): readonly Entry[] {
  const isPro = ({ written }: Entry): boolean => written.startsWith('Ubuntu:Pro:')
  const keyOf = ({ one }: Entry): string => `${one.ecosystem}\n${one.name}`
  const fixed = new Set(entries.filter((entry) => isPro(entry) && hasFix(entry.one)).map(keyOf))
  return fixed.size === 0 ? entries : entries.filter((one) => isPro(one) || hasFix(one.one) || !fixed.has(keyOf(one)))
}

function hasFix({ ranges }: TakenAffected): boolean {
  return ranges.some(({ events }) => events.some((event) => 'fixed' in event))
}

/** A list that is none must not silence the ranges beside it (summaries of records hold the number of versions there). @throws BadRecord */
function versionsOf(value: unknown, ranges: readonly AffectedRange[], most: number): string[] {
  if (!Array.isArray(value) && ranges.length > 0) return []
  return listOf(value, 'versions', most).map((version) => nameOf(version, 'a version'))
}

/** Commits are no versions: of a GIT range its `versions` remain. @throws BadRecord */
function rangesOf(value: unknown, most: number): AffectedRange[] {
  return listOf(value, 'ranges', most).flatMap((given) => {
    const { type, events } = fieldsOf(given)
    if (type === 'GIT') return []
    if (type !== 'SEMVER' && type !== 'ECOSYSTEM')
      throw new BadRecord(`a range is of type ${JSON.stringify(type)?.slice(0, 40)}`)
    return [{ type, events: listOf(events, 'events', most).flatMap(eventsOf) }]
  })
}

function eventsOf(value: unknown): RangeEvent[] {
  const { introduced, fixed, last_affected: last, limit } = fieldsOf(value)
  const events: RangeEvent[] = []
  if (introduced !== undefined) events.push({ introduced: nameOf(introduced, 'introduced') })
  if (fixed !== undefined) events.push({ fixed: nameOf(fixed, 'fixed') })
  if (last !== undefined) events.push({ lastAffected: nameOf(last, 'last_affected') })
  if (limit !== undefined) events.push({ limit: nameOf(limit, 'limit') })
  if (events.length === 0) throw new BadRecord('an event says nothing that we know')
  return events
}

const WORD = /^[A-Za-z][A-Za-z -]{0,39}$/

/** GHSA's and RetireJS's `severity`, Debian's urgency, Ubuntu's priority, the first word of a notice of the Red Hat family. */
function vendorWord(value: Fields, id: string): string | null {
  const specific = fieldsOf(value['ecosystem_specific'])
  const urgency = specific['urgency'] === 'not yet assigned' ? undefined : specific['urgency']
  const own = [fieldsOf(value['database_specific'])['severity'], specific['severity'], urgency]
  const ubuntu = Array.isArray(value['severity']) ? value['severity'].map(fieldsOf) : []
  const named = ubuntu.find(({ type }) => type === 'Ubuntu')?.['score']
  const summary = NOTICE.test(id) && typeof value['summary'] === 'string' ? value['summary'] : ''
  const first = /^(Low|Moderate|Important|Critical):/.exec(summary)?.[1]
  const word = [...own, named, first].find((one) => typeof one === 'string' && WORD.test(one))
  return typeof word === 'string' ? word : null
}

/** Whose distributions have modules. */
const WITH_MODULES = /^(AlmaLinux|Rocky Linux|Red Hat|Oracle Linux):/

/**
 * The module streams that a build is for: its version says that it is of one, the notice's summary of which (`Important: nodejs:16
 * security update`; some name two).
 */
function streamsOf(ecosystem: string, ranges: readonly AffectedRange[], summary: string): (string | null)[] {
  const fixes = ranges.flatMap(({ events }) => events.flatMap((event) => ('fixed' in event ? [event.fixed] : [])))
  if (fixes.length === 0 || !WITH_MODULES.test(ecosystem)) return [null]
  if (!fixes.some((fix) => /[.+]module[_+]/.test(fix))) return [NO_MODULE]
  const streams = new Set(summary.match(/(?<![\w:.-])[a-z][\w.+-]*:[A-Za-z0-9][\w.-]*/g) ?? [])
  return streams.size === 0 ? [ANY_MODULE] : [...streams]
}
