import { DomainError } from '../domain/error.ts'
import type { Scope } from '../domain/permission.ts'
import type { TokenStatus } from '../metadata/tables/tokens-control.ts'
import { invalid, shorten } from './registry-input.ts'

// Source of all rules here: management-api.md 4.3.

const NAME = /^[A-Za-z][-A-Za-z0-9]{0,61}[A-Za-z0-9]$/
export const TOKEN_NAME_RULE =
  '2 to 63 letters, digits and hyphens, starting with a letter and ending with a letter or digit'

export const MAX_SCOPES = 100
const MAX_ACTIONS = 20
const MAX_TEXT = 512

/** @throws `name_invalid` naming the rule. */
export function parseTokenName(text: string): string {
  if (NAME.test(text)) return text
  throw new DomainError('name_invalid', `token name "${shorten(text)}" is not valid: ${TOKEN_NAME_RULE}`)
}

/** Absent, null and "" mean enabled. @throws `input_invalid` */
export function parseStatus(text: string | null | undefined): TokenStatus {
  if (text === undefined || text === null || text === '' || text === 'enabled') return 'enabled'
  if (text === 'disabled') return text
  throw invalid('status', text, 'enabled or disabled')
}

/**
 * Any non-empty words are kept as sent; which pairs of type and action mean something is decided when the token is used.
 * @throws `input_invalid` naming the limit.
 */
export function parseScopes(scopes: readonly Scope[]): readonly Scope[] {
  if (scopes.length > MAX_SCOPES) throw tooMany('scopes', scopes.length, MAX_SCOPES)
  return scopes.map(({ actions, name, type }, index) => {
    if (actions.length > MAX_ACTIONS) throw tooMany(`scopes[${index}].actions`, actions.length, MAX_ACTIONS)
    for (const [field, value] of [['name', name], ['type', type], ...actions.map((action) => ['actions', action])]) {
      const { length } = value ?? ''
      if (length > 0 && length <= MAX_TEXT) continue
      throw new DomainError(
        'input_invalid',
        `scopes[${index}].${field} has ${length} characters: write 1 to ${MAX_TEXT}`,
      )
    }
    return { actions, name, type }
  })
}

function tooMany(what: string, count: number, limit: number): DomainError {
  return new DomainError('input_invalid', `${what} has ${count} entries: at most ${limit} are allowed`)
}
