import type { TokenStatus } from '../metadata/tables/tokens-control.ts'
import type { RegistryPatch } from './change-registry.ts'
import { patchRegistry, putRegistry } from './change-registry.ts'
import type { TokenPatch } from './change-token.ts'
import { patchToken, putToken } from './change-token.ts'
import { checkName } from './check-name.ts'
import type { RegistryInput } from './create-registry.ts'
import { createRegistry } from './create-registry.ts'
import type { TokenInput } from './create-token.ts'
import { createToken } from './create-token.ts'
import { deleteRegistry } from './delete-registry.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import type { RegistryPage } from './find-registry.ts'
import { getRegistry, getRegistryNamed, pageOfRegistries } from './find-registry.ts'
import { settle } from './settle.ts'
import type { TokenDetails } from './token-details.ts'
import { getTokenDetails, listTokenDetails } from './token-details.ts'
import type { Rotated, RotateInput } from './token-secrets.ts'
import { revokeTokenSecret, rotateToken } from './token-secrets.ts'
import { deleteToken, getToken, getTokenNamed, pageOfTokens, setTokenStatus } from './tokens.ts'
import type { RegistryView, TokenView } from './views.ts'

/**
 * The control plane's acts, without HTTP: registries and their tokens. `id`s are public ones, and foreign ids are as
 * unknown as absent ones. Every method may throw `unavailable`.
 */
export interface Registries {
  /** Ids, the default first. */
  readonly locations: readonly string[]
  /** @throws `name_invalid` */
  checkName(actor: Actor, name: string): Promise<'taken' | 'free'>

  /** @throws `name_invalid`, `input_invalid`, `conflict`, `denied` */
  create(actor: Actor, input: RegistryInput): Promise<RegistryView>
  /** @throws `not_found` */
  get(actor: Actor, id: string): Promise<RegistryView>
  /** @throws `not_found` */
  getNamed(actor: Actor, name: string): Promise<RegistryView>
  /** @throws `input_invalid` */
  list(actor: Actor, page: RegistryPage): Promise<{ registries: RegistryView[]; next: string | null }>
  /** Replaces it, or makes one with that id. @throws as `create`, `input_invalid` (another name or location) */
  put(actor: Actor, id: string, input: RegistryInput): Promise<RegistryView>
  /** @throws `not_found`, `input_invalid` */
  patch(actor: Actor, id: string, patch: RegistryPatch): Promise<RegistryView>
  /** @throws `not_found` */
  delete(actor: Actor, id: string): Promise<{ restorableUntil: number }>
  /** Moves new registries on to Running; for a schedule. */
  settle(): Promise<void>

  /** @throws `not_found`, `name_invalid`, `input_invalid`, `conflict` */
  createToken(actor: Actor, registryId: string, input: TokenInput): Promise<{ token: TokenView; password: string }>
  /** @throws `not_found` */
  getToken(actor: Actor, registryId: string, id: string): Promise<TokenView>
  /** @throws `not_found` */
  getTokenNamed(actor: Actor, registryId: string, name: string): Promise<TokenView>
  /** @throws `not_found` */
  listTokens(
    actor: Actor,
    registryId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ tokens: TokenView[]; total: number }>
  /** Replaces it, or makes one with that id: only then there is a password. @throws as `createToken`, `input_invalid` */
  putToken(
    actor: Actor,
    registryId: string,
    id: string,
    input: TokenInput,
  ): Promise<{ token: TokenView; password: string | null }>
  /** @throws `not_found`, `input_invalid` */
  patchToken(actor: Actor, registryId: string, id: string, patch: TokenPatch): Promise<TokenView>
  /** @throws `not_found` */
  setTokenStatus(actor: Actor, registryId: string, id: string, status: TokenStatus): Promise<TokenView>
  /** @throws `not_found` */
  deleteToken(actor: Actor, registryId: string, id: string): Promise<void>

  /** With secrets and last uses, strictly after that internal id. @throws `not_found` */
  listTokenDetails(
    actor: Actor,
    registryId: string,
    page: { readonly limit: number; readonly after: number },
  ): Promise<TokenDetails[]>
  /** @throws `not_found` */
  getTokenDetails(actor: Actor, registryId: string, id: string): Promise<TokenDetails>
  /** A second password; the first goes on working. @throws `not_found`, `input_invalid`, `conflict` */
  rotateToken(actor: Actor, registryId: string, id: string, input?: RotateInput): Promise<Rotated>
  /** @throws `not_found` */
  revokeTokenSecret(actor: Actor, registryId: string, id: string, secretId: string): Promise<void>
}

export function createRegistries(deps: RegistriesDeps): Registries {
  return {
    locations: deps.locations,
    checkName: (actor, name) => checkName(deps, actor, name),
    create: (actor, input) => createRegistry(deps, actor, input),
    get: (actor, id) => getRegistry(deps, actor, id),
    getNamed: (actor, name) => getRegistryNamed(deps, actor, name),
    list: (actor, page) => pageOfRegistries(deps, actor, page),
    put: (actor, id, input) => putRegistry(deps, actor, id, input),
    patch: (actor, id, patch) => patchRegistry(deps, actor, id, patch),
    delete: (actor, id) => deleteRegistry(deps, actor, id),
    settle: () => settle(deps),
    createToken: (actor, registryId, input) => createToken(deps, actor, registryId, input),
    getToken: (actor, registryId, id) => getToken(deps, actor, registryId, id),
    getTokenNamed: (actor, registryId, name) => getTokenNamed(deps, actor, registryId, name),
    listTokens: (actor, registryId, page) => pageOfTokens(deps, actor, registryId, page),
    putToken: (actor, registryId, id, input) => putToken(deps, actor, registryId, id, input),
    patchToken: (actor, registryId, id, patch) => patchToken(deps, actor, registryId, id, patch),
    setTokenStatus: (actor, registryId, id, status) => setTokenStatus(deps, actor, registryId, id, status),
    deleteToken: (actor, registryId, id) => deleteToken(deps, actor, registryId, id),
    listTokenDetails: (actor, registryId, page) => listTokenDetails(deps, actor, registryId, page),
    getTokenDetails: (actor, registryId, id) => getTokenDetails(deps, actor, registryId, id),
    rotateToken: (actor, registryId, id, input) => rotateToken(deps, actor, registryId, id, input),
    revokeTokenSecret: (actor, registryId, id, secretId) => revokeTokenSecret(deps, actor, registryId, id, secretId),
  }
}
