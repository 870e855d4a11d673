import type { Principal } from '../domain/actor.ts'
import { mayChangeContents } from '../domain/actor.ts'
import type { AllowList } from '../domain/allow-list.ts'
import { isAllowed, parseAllowList } from '../domain/allow-list.ts'
import type { Action, Scope } from '../domain/permission.ts'
import { actionsOn, mayListCatalog } from '../domain/permission.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { Grant, RegistryRef } from './auth.ts'
import type { Notices } from './token-notices.ts'
import { NO_NOTICES } from './token-notices.ts'

/** A principal in one registry of its own contract. Whoever may reach no more than other contracts' ones has none. */
export class RegistryRights implements Grant {
  readonly principal: Principal
  readonly registry: RegistryRef
  readonly mayList: boolean
  readonly #scopes: readonly Scope[]
  readonly #allowList: AllowList
  readonly #notices: Notices

  constructor(principal: Principal, registry: RegistryRef, allowList: AllowList, notices: Notices) {
    this.principal = principal
    this.registry = registry
    this.#allowList = allowList
    this.#notices = notices
    this.#scopes = scopesOf(principal)
    this.mayList = mayListCatalog(this.#scopes)
  }

  may(action: Action, repository: RepositoryName): boolean {
    return actionsOn(this.#scopes, repository).has(action)
  }

  admits(address: string): boolean {
    return isAllowed(this.#allowList, address)
  }

  warnings(): readonly string[] {
    return this.#notices.texts()
  }

  async catalogs(): Promise<readonly RegistryRef[]> {
    return this.mayList ? [this.registry] : []
  }
}

/** Null where the principal may not even know that the registry exists. */
export function rightsIn(
  principal: Principal,
  row: { readonly id: number; readonly contract_id: number; readonly name: string; readonly allow_list: string },
  notices: Notices = NO_NOTICES,
): RegistryRights | null {
  if (principal.contractId !== row.contract_id) return null
  if (principal.kind === 'registry_token' && principal.registryId !== row.id) return null
  if (principal.kind === 'api_key' && principal.registryIds?.includes(row.id) === false) return null
  const registry = { id: row.id, contractId: row.contract_id, name: row.name }
  return new RegistryRights(principal, registry, storedAllowList(row.allow_list), notices)
}

/** A token has what it was given; a person may pull, and with Manage Registry everything; a key what both allow. */
function scopesOf(principal: Principal): readonly Scope[] {
  if (principal.kind === 'registry_token') return principal.scopes
  const all = mayChangeContents(principal) ? ['pull', 'push', 'delete'] : ['pull']
  const actions = principal.kind === 'api_key' && principal.actions !== null ? both(all, principal.actions) : all
  return [
    { type: 'repository', name: '*', actions },
    { type: 'registry', name: '*', actions },
  ]
}

function both(all: readonly string[], words: readonly string[]): string[] {
  const allowed = actionsOn([{ type: 'repository', name: '*', actions: words }], 'any')
  return all.filter((action) => [...allowed].some((one) => one === action))
}

/** The control plane lets only good lists in; should one be unreadable, nobody is admitted. */
function storedAllowList(json: string): AllowList {
  try {
    return parseAllowList(JSON.parse(json))
  } catch {
    return { ranges: [{ address: new Uint8Array(16), bits: 128 }] }
  }
}
