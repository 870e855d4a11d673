import { DomainError } from '../domain/error.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { ContractRow } from '../metadata/tables/contracts.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import type { SsoProviderRow } from '../metadata/tables/sso-providers.ts'
import {
  deleteSsoProvider,
  findSsoProvider,
  insertSsoProvider,
  lockSsoProvider,
  onlyContract,
  ssoProvidersOf,
  updateSsoProvider,
  usableSsoProvidersOf,
} from '../metadata/tables/sso-providers.ts'
import { deleteSsoSessions } from '../metadata/tables/sso-subjects.ts'
import type { Doer, SsoDeps } from './deps.ts'
import { eventOf } from './deps.ts'
import type { NewProvider, Provider, ProviderChange, ProviderValues } from './provider-values.ts'
import { changedValues, newValues, parseIssuer, toProvider } from './provider-values.ts'

const MOST_PROVIDERS = 20

/**
 * The provider must answer now: a typing error is found here, not by the first person who wants to log in.
 * @throws `input_invalid`, `conflict` (the name is taken, or too many).
 */
export async function createProvider(
  deps: SsoDeps,
  contractId: number,
  input: NewProvider,
  doer: Doer,
): Promise<Provider> {
  const values = newValues(input)
  const asked = { issuer: parseIssuer(input.issuer), clientId: values.clientId, clientSecret: values.clientSecret }
  const issuer = await deps.providers.check(asked)
  const publicId = deps.newId()
  const clientSecret = await sealed(deps, publicId, values.clientSecret)
  return await deps.metadata.transact(async (sql) => {
    await deps.secrets.hold(sql)
    await lockLive(sql, contractId)
    const others = await ssoProvidersOf(sql, contractId)
    if (others.length >= MOST_PROVIDERS) {
      throw new DomainError('conflict', `a contract has at most ${MOST_PROVIDERS} identity providers: delete one first`)
    }
    refuseTakenName(others, values.name)
    await insertSsoProvider(sql, contractId, publicId, { ...values, issuer, clientSecret })
    await deps.audit(sql, eventOf(contractId, doer, 'sso.create', values.name, toldOf(values, issuer)))
    return toProvider(await found(sql, contractId, publicId))
  })
}

/** @throws `not_found`, `input_invalid`, `conflict` (the name is taken, or somebody changed it at the same time). */
export async function changeProvider(
  deps: SsoDeps,
  contractId: number,
  id: string,
  change: ProviderChange,
  doer: Doer,
): Promise<Provider> {
  const before = await deps.metadata.read((sql) => found(sql, contractId, id))
  const values = changedValues(await valuesOf(deps, before), change)
  if (change.clientId !== undefined || change.clientSecret !== undefined) {
    await deps.providers.check({ ...values, issuer: before.issuer })
  }
  const clientSecret =
    change.clientSecret === undefined ? before.client_secret : await sealed(deps, id, values.clientSecret)
  return await deps.metadata.transact(async (sql) => {
    await deps.secrets.hold(sql)
    await lockLive(sql, contractId)
    const row = await lockSsoProvider(sql, contractId, id)
    if (row === null) throw unknown(id)
    if (!isSame(row, before)) {
      throw new DomainError(
        'conflict',
        `the identity provider ${row.name} was changed just now: look at it and try again`,
      )
    }
    refuseTakenName(
      (await ssoProvidersOf(sql, contractId)).filter((other) => other.id !== row.id),
      values.name,
    )
    await updateSsoProvider(sql, row.id, { ...values, issuer: row.issuer, clientSecret })
    if (row.enabled === 1 && !values.enabled) await endSessions(sql, contractId, row.issuer, doer)
    const detail = { ...toldOf(values, row.issuer), ...(change.clientSecret !== undefined && { clientSecret: 'new' }) }
    await deps.audit(sql, eventOf(contractId, doer, 'sso.change', values.name, detail))
    return toProvider(await found(sql, contractId, id))
  })
}

/** Nobody signs on with it any more; who did stays a member, with their keys, until somebody removes them. @throws `not_found` */
export async function deleteProvider(deps: SsoDeps, contractId: number, id: string, doer: Doer): Promise<void> {
  await deps.metadata.transact(async (sql) => {
    const row = await lockSsoProvider(sql, contractId, id)
    if (row === null) throw unknown(id)
    await deleteSsoProvider(sql, row.id)
    await endSessions(sql, contractId, row.issuer, doer)
    await deps.audit(sql, eventOf(contractId, doer, 'sso.delete', row.name, { issuer: row.issuer }))
  })
}

/** What it opened ends with it: it may be the provider that is not to be trusted. Not for who does it: they see it through. */
async function endSessions(sql: Transaction, contractId: number, issuer: string, doer: Doer): Promise<void> {
  await deleteSsoSessions(sql, { contractId, issuer }, doer.identityId ?? 0)
  await bumpAuthEpoch(sql)
}

/** By name. */
export async function listProviders({ metadata }: SsoDeps, contractId: number): Promise<Provider[]> {
  return (await metadata.read((sql) => ssoProvidersOf(sql, contractId))).map(toProvider)
}

/** @throws `not_found`, alike for those of other contracts. */
export async function getProvider({ metadata }: SsoDeps, contractId: number, id: string): Promise<Provider> {
  return toProvider(await metadata.read((sql) => found(sql, contractId, id)))
}

/**
 * What a login page shows to somebody who knows their contract's number; null: the number of the only contract there is.
 * Unknown contracts and those without providers read the same.
 */
export async function discoverProviders(
  { metadata }: SsoDeps,
  contractNumber: number | null,
): Promise<{ id: string; name: string }[]> {
  const rows = await metadata.read(async (sql) => {
    const contractId = contractNumber ?? (await onlyContract(sql))
    return contractId === null ? [] : await usableSsoProvidersOf(sql, contractId)
  })
  return rows.map(({ public_id, name }) => ({ id: public_id, name }))
}

/** The secret a provider knows us by, in the clear; null: a public client. */
export async function clientSecretOf({ secrets }: SsoDeps, row: SsoProviderRow): Promise<string | null> {
  if (row.client_secret === null) return null
  return Buffer.from(await secrets.open(row.client_secret, purposeOf(row.public_id))).toString('utf8')
}

async function sealed({ secrets }: SsoDeps, publicId: string, secret: string | null): Promise<Uint8Array | null> {
  return secret === null ? null : await secrets.seal(Buffer.from(secret), purposeOf(publicId))
}

function purposeOf(publicId: string): string {
  return `entrepot/sso-client-secret/v1/${publicId}`
}

async function valuesOf(deps: SsoDeps, row: SsoProviderRow): Promise<ProviderValues> {
  return { ...toProvider(row), clientSecret: await clientSecretOf(deps, row) }
}

async function found(
  sql: Parameters<typeof findSsoProvider>[0],
  contractId: number,
  id: string,
): Promise<SsoProviderRow> {
  const row = await findSsoProvider(sql, contractId, id)
  if (row === null) throw unknown(id)
  return row
}

async function lockLive(sql: Transaction, contractId: number): Promise<ContractRow> {
  const contract = await lockContract(sql, contractId)
  if (contract && contract.state !== 'deleted') return contract
  throw new DomainError('not_found', `contract ${contractId} does not exist`)
}

function refuseTakenName(others: readonly SsoProviderRow[], name: string): void {
  if (!others.some((other) => other.name === name)) return
  throw new DomainError('conflict', `an identity provider named ${name} exists already: choose another name`)
}

function isSame(a: SsoProviderRow, b: SsoProviderRow): boolean {
  const [secretA, secretB] = [a.client_secret, b.client_secret].map((one) => one && Buffer.from(one).toString('base64'))
  return JSON.stringify({ ...a, client_secret: secretA }) === JSON.stringify({ ...b, client_secret: secretB })
}

/** For the audit log: what decides who gets in, without secrets. */
function toldOf({ clientSecret: _, name: _name, ...values }: ProviderValues, issuer: string): Record<string, unknown> {
  return { ...values, issuer }
}

function unknown(id: string): DomainError {
  return new DomainError('not_found', `identity provider ${id.slice(0, 80)} does not exist`)
}
