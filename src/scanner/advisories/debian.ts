import { DEBIAN_RELEASES } from '../ecosystem.ts'
import type { AffectedRange } from './advisory-index.ts'
import type { Fields } from './fields.ts'
import { fieldsOf, idOf, isFields, nameOf, textOf } from './fields.ts'
import { BadRecord } from './import-error.ts'
import type { Intake, TakenAffected, Tally } from './intake.ts'

export const DEBIAN_GROUP = 'debian-tracker/'

/** How the tracker's file begins: source package → CVE. */
export function isTrackerHead(head: string): boolean {
  return /^\s*\{\s*"[^"\\]{1,200}"\s*:\s*\{\s*"(CVE|TEMP)-[^"\\]{1,100}"\s*:\s*\{/.test(head)
}

/** What the tracker says of one source package. Source: security-tracker.debian.org/tracker/data/json. */
export function takeSourcePackage(source: string, cves: unknown, intake: Intake, tally: Tally): void {
  for (const [cve, value] of Object.entries(fieldsOf(cves))) {
    try {
      takeOne(nameOf(source, 'the source package'), idOf(cve), value, intake)
      tally.taken()
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error
      tally.bad(`${source.slice(0, 100)}, ${cve.slice(0, 100)}`, error.message)
    }
  }
}

function takeOne(name: string, cve: string, value: unknown, intake: Intake): void {
  if (!isFields(value) || !isFields(value['releases'])) throw new BadRecord('it has no releases')
  const affected = Object.entries(value['releases']).flatMap(([codename, release]) => {
    const version = Object.hasOwn(DEBIAN_RELEASES, codename) ? DEBIAN_RELEASES[codename] : undefined
    if (version === undefined) return []
    return [releaseOf(`Debian:${version}`, name, fieldsOf(release))]
  })
  const common = { state: 'debian-tracker', kind: 'Debian tracker', source: 'debian-tracker', withdrawn: false }
  const nothing = { modified: 0, covers: [], summary: null, publishedAt: null, references: [], scores: [] }
  const details = textOf(value['description'])
  const id = `DEBIAN-${cve}`
  intake.record({ ...common, ...nothing, group: `${DEBIAN_GROUP}${name}`, id, aliases: [cve], details, affected })
}

function releaseOf(ecosystem: string, name: string, release: Fields): TakenAffected {
  const { urgency, status, fixed_version: fixed } = release
  const vendorSeverity = typeof urgency === 'string' && /^[a-z][a-z -]{0,39}$/.test(urgency) ? urgency : null
  const isWord = vendorSeverity !== null && vendorSeverity !== 'not yet assigned'
  const common = { ecosystem, name, versions: [], module: null, vendorSeverity: isWord ? vendorSeverity : null }
  if (status === 'resolved') {
    const version = nameOf(fixed, 'fixed_version')
    if (version === '0') return { ...common, ranges: [], status: 'not_affected' }
    return { ...common, ranges: [until(version)], status: null }
  }
  if (status !== 'open' && status !== 'undetermined')
    throw new BadRecord(`a status is ${JSON.stringify(status)?.slice(0, 40)}`)
  return {
    ...common,
    ranges: [until(null)],
    status: status === 'undetermined' ? 'under_investigation' : whyOpen(release),
  }
}

/** `nodsa` holds the team's words, `nodsa_reason` the kind: empty means a minor issue that a point release may fix. */
function whyOpen({ nodsa, nodsa_reason: reason, urgency }: Fields): TakenAffected['status'] {
  if (reason === 'ignored' || urgency === 'end-of-life') return 'wont_fix'
  return reason === 'postponed' || nodsa !== undefined ? 'deferred' : null
}

function until(fixed: string | null): AffectedRange {
  return { type: 'ECOSYSTEM', events: [{ introduced: '0' }, ...(fixed === null ? [] : [{ fixed }])] }
}
