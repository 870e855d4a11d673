import type { Reader, Transaction } from '../metadata-store.ts'
import { forShare, forUpdate, sql as fragment } from '../sql.ts'

/** An identity provider as a contract configured it. */
export interface SsoProviderRow {
  readonly id: number
  readonly contract_id: number
  /** UUID v4; whoever knows it can begin a sign-on. */
  readonly public_id: string
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  /** Sealed by the master key; null: a public client. */
  readonly client_secret: Uint8Array | null
  /** JSON array. */
  readonly scopes: string
  readonly groups_claim: string
  /** JSON `[{group, role, manageRegistry}]`. */
  readonly role_mapping: string
  /** Null: who is in no mapped group stays out. */
  readonly default_role: 'admin' | 'member' | null
  readonly enabled: number
  readonly created_at: number
  readonly modified_at: number | null
}

export interface SsoProviderValues {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: Uint8Array | null
  readonly scopes: readonly string[]
  readonly groupsClaim: string
  readonly roleMapping: readonly unknown[]
  readonly defaultRole: 'admin' | 'member' | null
  readonly enabled: boolean
}

const SELECT = fragment`
  SELECT p.id, p.contract_id, p.public_id, p.name, p.issuer, p.client_id, p.client_secret, p.scopes, p.groups_claim,
         p.role_mapping, p.default_role, p.enabled, p.created_at, p.modified_at
    FROM sso_providers p`

/** By name. */
export async function ssoProvidersOf(sql: Reader, contractId: number): Promise<SsoProviderRow[]> {
  return await sql.all<SsoProviderRow>`${SELECT} WHERE p.contract_id = ${contractId} ORDER BY p.name`
}

export async function findSsoProvider(
  sql: Reader,
  contractId: number,
  publicId: string,
): Promise<SsoProviderRow | null> {
  return await sql.get<SsoProviderRow>`${SELECT} WHERE p.public_id = ${publicId} AND p.contract_id = ${contractId}`
}

/** Held against all other changes until the transaction ends. */
export async function lockSsoProvider(
  sql: Transaction,
  contractId: number,
  publicId: string,
): Promise<SsoProviderRow | null> {
  return await sql.get<SsoProviderRow>`
    ${SELECT} WHERE p.public_id = ${publicId} AND p.contract_id = ${contractId} ${forUpdate(sql)}`
}

/** Against changes only: what is decided by it still holds when the transaction ends. */
export async function holdSsoProvider(sql: Transaction, id: number): Promise<SsoProviderRow | null> {
  return await sql.get<SsoProviderRow>`${SELECT} WHERE p.id = ${id} ${forShare(sql)}`
}

/** One that people can sign on with now, of whichever contract. */
export async function usableSsoProvider(sql: Reader, publicId: string): Promise<SsoProviderRow | null> {
  return await sql.get<SsoProviderRow>`
    ${SELECT} JOIN contracts c ON c.id = p.contract_id
     WHERE p.public_id = ${publicId} AND p.enabled = 1 AND c.state = 'active'`
}

/** Those of an active contract that people can sign on with now, by name. */
export async function usableSsoProvidersOf(
  sql: Reader,
  contractId: number,
): Promise<{ readonly public_id: string; readonly name: string }[]> {
  return await sql.all<{ public_id: string; name: string }>`
    SELECT p.public_id, p.name FROM sso_providers p JOIN contracts c ON c.id = p.contract_id
     WHERE p.contract_id = ${contractId} AND p.enabled = 1 AND c.state = 'active' ORDER BY p.name`
}

/** The number of the only active contract; null when there are none or several. */
export async function onlyContract(sql: Reader): Promise<number | null> {
  const rows = await sql.all<{ id: number }>`SELECT id FROM contracts WHERE state = 'active' ORDER BY id LIMIT 2`
  return rows.length === 1 ? (rows[0]?.id ?? null) : null
}

export async function insertSsoProvider(
  sql: Transaction,
  contractId: number,
  publicId: string,
  values: SsoProviderValues,
): Promise<void> {
  await sql.run`
    INSERT INTO sso_providers (contract_id, public_id, name, issuer, client_id, client_secret, scopes, groups_claim,
                               role_mapping, default_role, enabled, created_at)
    VALUES (${contractId}, ${publicId}, ${values.name}, ${values.issuer}, ${values.clientId}, ${values.clientSecret},
            ${JSON.stringify(values.scopes)}, ${values.groupsClaim}, ${JSON.stringify(values.roleMapping)},
            ${values.defaultRole}, ${values.enabled ? 1 : 0}, ${sql.now()})`
}

export async function updateSsoProvider(sql: Transaction, id: number, values: SsoProviderValues): Promise<void> {
  await sql.run`
    UPDATE sso_providers
       SET name = ${values.name}, client_id = ${values.clientId}, client_secret = ${values.clientSecret},
           scopes = ${JSON.stringify(values.scopes)}, groups_claim = ${values.groupsClaim},
           role_mapping = ${JSON.stringify(values.roleMapping)}, default_role = ${values.defaultRole},
           enabled = ${values.enabled ? 1 : 0}, modified_at = ${sql.now()}
     WHERE id = ${id}`
}

export async function deleteSsoProvider(sql: Transaction, id: number): Promise<void> {
  await sql.run`DELETE FROM sso_providers WHERE id = ${id}`
}

/** For a change of master key. */
export async function sealedSsoSecrets(sql: Reader): Promise<{ readonly id: number; readonly wrapped: Uint8Array }[]> {
  return await sql.all<{ id: number; wrapped: Uint8Array }>`
    SELECT id, client_secret AS wrapped FROM sso_providers WHERE client_secret IS NOT NULL ORDER BY id`
}

export async function rewrapSsoSecret(sql: Transaction, id: number, wrapped: Uint8Array): Promise<void> {
  await sql.run`UPDATE sso_providers SET client_secret = ${wrapped} WHERE id = ${id}`
}

/** Of a contract that is no more: secrets, and by what names its people are known elsewhere. */
export async function deleteSsoOf(sql: Transaction, contractId: number): Promise<void> {
  await sql.run`DELETE FROM sso_providers WHERE contract_id = ${contractId}`
  await sql.run`DELETE FROM sso_subjects WHERE contract_id = ${contractId}`
}
