import type { Severity } from '../domain/severity.ts'
import { severityRank } from '../domain/severity.ts'
import { UsageError } from './define.ts'
import type { ReportInfo } from './scan-plane.ts'

/** What a pipeline does not let pass: a band and all above it, or a kind of finding. */
export const FAIL_ON = ['critical', 'high', 'medium', 'low', 'fixable', 'unknown', 'any'] as const
export type FailOn = (typeof FAIL_ON)[number]

/** Of `--fail-on high,fixable`, also repeated. @throws UsageError */
export function parseFailOn(given: readonly string[]): FailOn[] {
  return given.flatMap((text) =>
    text.split(',').map((word) => {
      const known = FAIL_ON.find((one) => one === word)
      if (known) return known
      throw new UsageError(`--fail-on ${word} is not valid: write one of ${FAIL_ON.join(', ')}, or several with commas`)
    }),
  )
}

type Finding = ReportInfo['findings'][number]

/** Sentences on what must not pass; none: it passes. What nobody could judge never passes by itself. */
export function whatFails(
  { status, reason, findings }: Pick<ReportInfo, 'status' | 'reason' | 'findings'>,
  rules: readonly FailOn[],
  { allowUnknown }: { readonly allowUnknown: boolean },
): string[] {
  if (rules.length === 0) return []
  const unjudged = status !== 'scanned' && !allowUnknown ? [`${STATUS[status]}: ${reason}`] : []
  const broken = rules.flatMap((rule) => {
    const count = new Set(findings.filter(RULES[rule]).map(({ id }) => id)).size
    return count === 0 ? [] : [`--fail-on ${rule}: ${count} found`]
  })
  return [...unjudged, ...broken]
}

const STATUS = {
  unknown: 'nothing can be said of it',
  not_applicable: 'nothing of it was examined',
  scanned: 'it is scanned',
} as const satisfies Record<ReportInfo['status'], string>

const from =
  (band: Severity) =>
  ({ severity }: Finding): boolean =>
    severityRank(severity) >= severityRank(band)

const RULES = {
  critical: from('critical'),
  high: from('high'),
  medium: from('medium'),
  low: from('low'),
  fixable: ({ fixable }) => fixable,
  unknown: ({ severity }) => severity === 'unknown',
  any: () => true,
} as const satisfies Record<FailOn, (finding: Finding) => boolean>
