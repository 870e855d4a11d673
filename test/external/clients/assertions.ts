import assert from 'node:assert/strict'
import type { Ran } from './programs.ts'

export const SAYS_UNAUTHORIZED = /unauthori[sz]ed|authentication (is )?required|access denied|invalid username|\b401\b/i
export const SAYS_DENIED =
  /denied|credentials? not found|no basic auth credentials|insufficient[ _]scope|unauthori[sz]ed|forbidden|\b40[13]\b/i
/** Not any `unknown`: an authority can be that, too. */
export const SAYS_UNKNOWN = /not found|(manifest|name|repository)[ _]unknown|\b404\b/i

export function assertOk(ran: Ran): Ran {
  assert.equal(ran.code, 0, said(ran))
  return ran
}

/** Fails unless the program failed and said why; answers with its last word. */
export function assertRefused(ran: Ran, pattern: RegExp): string {
  assert.notEqual(ran.code, 0, `should have been refused: ${said(ran)}`)
  assert.match(said(ran), pattern)
  return said(ran).split('\n').at(-1) ?? ''
}

function said({ stdout, stderr, timedOut }: Ran): string {
  return `${stdout}\n${stderr}${timedOut ? '\ntimed out' : ''}`.trim()
}
