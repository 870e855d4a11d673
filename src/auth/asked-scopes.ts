import { DomainError } from '../domain/error.ts'
import type { Action } from '../domain/permission.ts'

/** One `scope` of a token request, as docker writes it: `repository:acme/app:pull,push`. */
export interface AskedScope {
  readonly type: 'repository' | 'registry'
  /** As asked, registry included in path style. */
  readonly name: string
  readonly actions: readonly Action[]
}

/** The token with all its access entries must fit into a request's headers. */
const MAX_SCOPES = 50
const MAX_SCOPE_LENGTH = 1_024
const SHAPE = /^(repository|registry)(?:\([^)]*\))?:(.+):([^:]*)$/
const ALL: readonly Action[] = ['pull', 'push', 'delete']

/**
 * Values may hold several scopes each. Unknown types and actions are dropped, as docker expects.
 * Source: distribution's token scope documentation. @throws `input_invalid` naming the limit.
 */
export function parseScopes(values: readonly string[]): AskedScope[] {
  const words = values.flatMap((value) => value.split(' ')).filter((word) => word !== '')
  if (words.length > MAX_SCOPES) {
    throw new DomainError(
      'input_invalid',
      `${words.length} scopes are too many: ask for at most ${MAX_SCOPES} at a time`,
    )
  }
  return words.flatMap((word) => parseScope(word) ?? [])
}

function parseScope(word: string): AskedScope | null {
  const [, type, name = '', list = ''] = word.length > MAX_SCOPE_LENGTH ? [] : (SHAPE.exec(word) ?? [])
  if (type !== 'repository' && type !== 'registry') return null
  const asked = list.split(',')
  const isCatalog = type === 'registry' && asked.includes('list')
  const actions = asked.includes('*')
    ? ALL
    : ALL.filter((action) => asked.includes(action) || (isCatalog && action === 'pull'))
  return { type, name, actions }
}
