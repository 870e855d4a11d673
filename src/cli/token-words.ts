import type { Scope } from '../domain/permission.ts'
import { formatInstant } from '../registries/expiry.ts'
import { UsageError } from './define.ts'
import type { ScopeInfo, UseInfo } from './plane.ts'

// How scopes, times and last uses are written and read on the command line.

export const DEFAULT_SCOPE = 'repository:*:pull,push'
const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, y: 365 * 86_400_000 } as const

export function scopeText({ type, name, actions }: ScopeInfo): string {
  return `${type}:${name}:${actions.join(',')}`
}

export function inWords({ type, name, actions }: ScopeInfo): string {
  const where =
    type !== 'repository' ? `${type} ${name}` : name === '*' ? 'every repository' : `repositories named ${name}`
  return `${actions.join(', ')} in ${where}`
}

/** @throws UsageError */
export function parseScope(text: string): Scope {
  const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(text) ?? []
  if (!type || !name || !actions) {
    throw new UsageError(`--scope ${text} is not valid: write type:name:actions, such as ${DEFAULT_SCOPE}`)
  }
  return { type, name, actions: actions.split(',').map((action) => action.trim()) }
}

/** `30d` from `now` on, or the time itself. */
export function expiryOf(text: string, now: number): string {
  const ms = durationOf(text)
  return ms === null ? text : formatInstant(now + ms)
}

/** `30d` before `now`, or the time itself. */
export function agoOf(text: string, now: number): string {
  const ms = durationOf(text)
  return ms === null ? text : formatInstant(now - ms)
}

/** `90d` in milliseconds; null for anything else. */
export function durationOf(text: string): number | null {
  const [, count, unit] = /^(\d{1,4})([hdwy])$/.exec(text) ?? []
  return unit === undefined ? null : Number(count) * UNITS[unit as keyof typeof UNITS]
}

export function instantInWords(instant: string | null): string {
  return instant === null ? 'never' : instant.replace(/\.\d+Z$/, 'Z')
}

export function useInWords(use: UseInfo | null): string {
  return use === null ? 'never' : `${instantInWords(use.at)} from ${use.from}`
}
