import { printable } from './printable.ts'
import type { ChangeInfo } from './scan-plane.ts'
import { instantInWords } from './token-words.ts'

type Told = ChangeInfo['appeared'][number]

/** How a report changed, the newest first. `digest`: of what was asked for; images of an index are named. */
export function historyText(changes: readonly ChangeInfo[], digest: string): string {
  return changes.map((change) => changeText(change, digest)).join('\n\n')
}

function changeText(change: ChangeInfo, digest: string): string {
  const { at, appeared, vanished, rescored, status } = change
  const image = change.digest === digest ? '' : `  image ${change.digest}`
  return [
    `${instantInWords(at)}${image}`,
    ...(status === null ? [] : [`  status ${statusText(status)}`]),
    ...appeared.map((one) => `  appeared  ${told(one)}`),
    ...vanished.map((one) => `  vanished  ${told(one)}: ${one.why}`),
    ...rescored.map((one) => {
      const why = one.why.length === 0 ? '' : ` by ${one.why.map((source) => printable(source, 60)).join(', ')}`
      return `  re-scored ${told(one)}, before ${severityText(one.before)}${why}`
    }),
  ].join('\n')
}

function statusText({ from, to, reason }: NonNullable<ChangeInfo['status']>): string {
  return `${WORDS[from]} → ${WORDS[to]}${reason === null ? '' : `: ${printable(reason, 500)}`}`
}

const WORDS = { scanned: 'scanned', unknown: 'Unknown', not_applicable: 'not applicable' } as const

function told({ id, package: name, ...severity }: Told): string {
  return `${printable(id, 60)} ${severityText(severity)} in ${printable(name, 120)}`
}

function severityText({ severity, score }: Pick<Told, 'severity' | 'score'>): string {
  return score === null ? `${severity} severity` : `${severity} ${score.toFixed(1)}`
}
