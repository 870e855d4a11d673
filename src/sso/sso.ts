import type { Egress } from '../http/egress.ts'
import { deleteSsoStatesExpiredUntil } from '../metadata/tables/sso-spent-states.ts'
import type { LoginStart } from './begin-login.ts'
import { beginLogin } from './begin-login.ts'
import type { Doer, SsoDeps } from './deps.ts'
import type { Callback, SignedOn } from './finish-login.ts'
import { finishLogin } from './finish-login.ts'
import type { Link } from './links.ts'
import { linkSubject, listLinks, unlinkSubject } from './links.ts'
import { IdentityProviders } from './provider.ts'
import type { NewProvider, Provider, ProviderChange } from './provider-values.ts'
import {
  changeProvider,
  createProvider,
  deleteProvider,
  discoverProviders,
  getProvider,
  listProviders,
} from './providers.ts'

interface Place {
  readonly contractId: number
  readonly providerId: string
}

/** Single sign-on: the identity providers of contracts, and the round trip. What each act throws is said where it is written. */
export interface Sso {
  createProvider(contractId: number, input: NewProvider, doer: Doer): Promise<Provider>
  changeProvider(contractId: number, id: string, change: ProviderChange, doer: Doer): Promise<Provider>
  deleteProvider(contractId: number, id: string, doer: Doer): Promise<void>
  listProviders(contractId: number): Promise<Provider[]>
  getProvider(contractId: number, id: string): Promise<Provider>
  listLinks(place: Place, page: { readonly after: number; readonly limit: number }): Promise<Link[]>
  linkSubject(place: Place, input: { readonly userId: string; readonly subject: string }, doer: Doer): Promise<Link>
  unlinkSubject(place: Place, userId: string, doer: Doer): Promise<void>
  discoverProviders(contractNumber: number | null): Promise<{ id: string; name: string }[]>
  beginLogin(input: {
    readonly providerId: string
    readonly returnTo: string | null
    readonly redirectUri: string
  }): Promise<LoginStart>
  finishLogin(callback: Callback): Promise<SignedOn>
  /** Forgets spent states that could no longer be used anyway. @returns how many; call again while that is not zero. */
  forgetSpentStates(): Promise<number>
}

const BATCH = 200

export function createSso(given: Omit<SsoDeps, 'providers'> & { readonly egress: Egress }): Sso {
  const deps: SsoDeps = { ...given, providers: new IdentityProviders(given) }
  return {
    createProvider: (contractId, input, doer) => createProvider(deps, contractId, input, doer),
    changeProvider: (contractId, id, change, doer) => changeProvider(deps, contractId, id, change, doer),
    deleteProvider: (contractId, id, doer) => deleteProvider(deps, contractId, id, doer),
    listProviders: (contractId) => listProviders(deps, contractId),
    getProvider: (contractId, id) => getProvider(deps, contractId, id),
    listLinks: (place, page) => listLinks(deps, place, page),
    linkSubject: (place, input, doer) => linkSubject(deps, place, input, doer),
    unlinkSubject: (place, userId, doer) => unlinkSubject(deps, place, userId, doer),
    discoverProviders: (contractNumber) => discoverProviders(deps, contractNumber),
    beginLogin: (input) => beginLogin(deps, input),
    finishLogin: (callback) => finishLogin(deps, callback),
    forgetSpentStates: () =>
      deps.metadata.transact((sql) => deleteSsoStatesExpiredUntil(sql, sql.now(), BATCH), { durable: false }),
  }
}
