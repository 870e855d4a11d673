import type { Principal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import type { Target } from './auth.ts'

// What refused callers read. Each text depends only on what the caller sent and, once known, on the caller's own rights:
// foreign, absent and out-of-scope names read the same.

/** For every request without credentials, whatever exists. */
export function noCredentials(): DomainError {
  return new DomainError('unauthenticated', 'authentication required: log in to this registry')
}

/** The same where people and their keys are asked for. */
export function noPerson(): DomainError {
  return new DomainError(
    'unauthenticated',
    'authentication required: send e-mail and password (Basic), or an API key or the secret of a session (Bearer)',
  )
}

/** For wrong, expired, disabled and deleted logins alike. */
export function wrongCredentials(): DomainError {
  return new DomainError(
    'unauthenticated',
    'the user name or the password is wrong, or this login has expired, was disabled or deleted',
  )
}

/** For bearer tokens that are not ours, are for another service, have expired, or whose owner was disabled or deleted. */
export function wrongBearer(): DomainError {
  return new DomainError('unauthenticated', 'the bearer token is not valid here or has expired: log in again')
}

/** `insufficient_scope` makes clients ask for a wider bearer token; with Basic there is none. */
export function lacking(principal: Principal, target: Target, isBearer: boolean): DomainError {
  const message =
    principal.kind === 'registry_token' && principal.scopes.length === 0
      ? `token ${principal.name} has no scopes: it may do nothing until it gets some`
      : `${whoOf(principal)} may not ${wish(target)}, or there is no such name`
  return new DomainError(isBearer ? 'insufficient_scope' : 'denied', message)
}

/** Only for those whose credentials are good and who belong to the registry. */
export function outsideAllowList(address: string, registry: string): DomainError {
  return new DomainError(
    'denied',
    `address ${address} is not on the allow list (apiSubnetAllowList) of registry ${registry}`,
  )
}

/** The subject of an audit row. */
export function subjectOf(target: Target): string {
  if (target.kind === 'repository') return `${target.registry}/${target.repository}`
  return target.kind === 'catalog' ? target.registry : target.kind
}

function whoOf(principal: Principal): string {
  if (principal.kind === 'user') return principal.email
  return principal.kind === 'api_key' ? `API key ${principal.name}` : `token ${principal.name}`
}

function wish(target: Target): string {
  switch (target.kind) {
    case 'repository':
      return `${WORDS[target.action]} ${target.registry}/${target.repository}`
    case 'catalog':
      return `list the repositories of ${target.registry}`
    case 'catalogs':
      return 'list repositories'
    case 'ping':
      return 'use this service'
  }
}

const WORDS = { pull: 'pull from', push: 'push to', delete: 'delete from' } as const
