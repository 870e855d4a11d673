import type { ApiKeyPrincipal, UserPrincipal } from './actor.ts'
import { mayManageRegistries } from './actor.ts'

/** Somebody at a management door: a person, or a key that stands for one. */
export type Person = UserPrincipal | ApiKeyPrincipal

/** Who may use an operation of a management API. docs/control-plane.md says what belongs under which word. */
export const ACCESS = ['public', 'self', 'read', 'manage', 'admin', 'owner', 'operator'] as const
export type Access = (typeof ACCESS)[number]

/**
 * Why `person` may not use an operation of this access; null: they may. `changes`: the operation changes something. A key
 * is its person, restricted: it reads what it is given, and whatever reaches beyond a key's own bounds (another key, a
 * password, people, contract-wide rules) needs one without bounds.
 */
export function refusalOf(person: Person, access: Access, changes: boolean): string | null {
  if (access === 'public' || access === 'read') return null
  return refusalOfKey(person, access, changes) ?? refusalOfRole(person, access)
}

function refusalOfKey(person: Person, access: Access, changes: boolean): string | null {
  if (person.kind !== 'api_key') return null
  const { name, readOnly, registryIds, actions } = person
  if (readOnly && changes) return `the API key "${name}" may only read: use another one`
  if (access === 'manage' || (access === 'self' && !changes)) return null
  if (registryIds === null && actions === null) return null
  return `the API key "${name}" is limited to some registries or actions: use one without limits, or log in`
}

function refusalOfRole(person: Person, access: Access): string | null {
  switch (access) {
    case 'manage':
      return mayManageRegistries(person) ? null : refusalToManage(person)
    case 'admin':
      if (person.role !== 'member') return null
      return `${person.email} is a member: only an owner or admin of the contract can do this`
    case 'owner':
      return person.role === 'owner' ? null : `${person.email} is no owner: only an owner of the contract can do this`
    case 'operator':
      return person.isOperator ? null : `${person.email} is no operator of this installation: ask one to do this`
    default:
      return null
  }
}

function refusalToManage(person: Person): string {
  if (person.kind === 'api_key' && person.readOnly) {
    return `the API key "${person.name}" may only read: use another one`
  }
  if (person.kind === 'api_key' && person.actions !== null) {
    return `the API key "${person.name}" is limited to ${person.actions.join(', ')}: use one without that limit`
  }
  return `${person.email} may only read: an owner or admin of the contract can give the privilege Manage Registry`
}
