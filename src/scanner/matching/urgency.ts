import type { AdvisoryIndex, CveFacts } from '../advisories/advisory-index.ts'
import type { Finding } from '../finding.ts'

/** What the world does with a flaw, as far as is known: that changes daily, and changes no verdict. */
export type Urgency = Pick<Finding, 'knownExploitedSince' | 'epss'>

export const TREAT_FIRST = 'It is known to be exploited: treat this before others.'

/** Of all CVEs of one finding, the worst. */
export function urgencyOf(cves: readonly CveFacts[]): Urgency {
  const since = cves.flatMap(({ knownExploitedSince }) => knownExploitedSince ?? [])
  const epss = cves.flatMap((cve) => cve.epss ?? [])
  return {
    knownExploitedSince: since.length === 0 ? null : Math.min(...since),
    epss: epss.reduce<Finding['epss']>((best, one) => (best && best.probability >= one.probability ? best : one), null),
  }
}

/** As it is now, whatever it was when the image was judged. */
export function withUrgency(finding: Finding, index: AdvisoryIndex): Finding {
  const names = [finding.id, ...finding.aliases, ...finding.covers]
  const urgency = urgencyOf(names.flatMap((name) => index.cve(name) ?? []))
  const others = finding.recommendations.filter((one) => one !== TREAT_FIRST)
  const recommendations = urgency.knownExploitedSince === null ? others : [TREAT_FIRST, ...others]
  return { ...finding, ...urgency, recommendations }
}
