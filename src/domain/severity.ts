/** From harmless to worst. Source: management-api.md 5.4; `unknown` is what no source puts a word or a score on. */
export const SEVERITIES = ['unknown', 'none', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** How it is stored and ordered: 0 for `unknown` to 5 for `critical`. */
export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity)
}

export function severityOfRank(rank: number): Severity {
  return SEVERITIES[rank] ?? 'unknown'
}

/** In any case; null: not a severity. */
export function findSeverity(text: string): Severity | null {
  return SEVERITIES.find((severity) => severity === text.toLowerCase()) ?? null
}
