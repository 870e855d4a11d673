import type { Role } from '../../domain/actor.ts'
import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate, sql as fragment } from '../sql.ts'

export interface AccountLinkRow {
  readonly id: number
  readonly public_id: string
  readonly kind: 'invite' | 'reset'
  /** Null: a reset that the operator made. */
  readonly contract_id: number | null
  /** Whose password is reset. Null: an invitation; whether somebody has that address is asked when it is accepted. */
  readonly identity_id: number | null
  readonly email: string
  /** Of an invitation. */
  readonly role: Role | null
  readonly manage_registry: number
  readonly created_by: string
  readonly created_at: number
  readonly expires_at: number
}

const SELECT = fragment`
  SELECT id, public_id, kind, contract_id, identity_id, email, role, manage_registry, created_by, created_at, expires_at
    FROM account_links`

/** One that still works. */
export async function linkByHash(sql: Reader, secretHash: string): Promise<AccountLinkRow | null> {
  return await sql.get<AccountLinkRow>`
    ${SELECT} WHERE secret_hash = ${secretHash} AND used_at IS NULL AND expires_at > ${sql.now()}`
}

/** The same, held against all other changes until the transaction ends. */
export async function lockLink(sql: Transaction, id: number): Promise<AccountLinkRow | null> {
  return await sql.get<AccountLinkRow>`
    ${SELECT} WHERE id = ${id} AND used_at IS NULL AND expires_at > ${sql.now()} ${forUpdate(sql)}`
}

/** Of one contract, in order of making, strictly after `after`, at most `limit`; only what still works. */
export async function pageOfInvitations(
  sql: Reader,
  contractId: number,
  page: { readonly after: number; readonly limit: number },
): Promise<AccountLinkRow[]> {
  return await sql.all<AccountLinkRow>`
    ${SELECT} WHERE contract_id = ${contractId} AND kind = 'invite' AND used_at IS NULL AND expires_at > ${sql.now()}
       AND id > ${page.after}
     ORDER BY id LIMIT ${page.limit}`
}

export async function countInvitations(sql: Reader, contractId: number): Promise<number> {
  const row = await sql.get<{ total: number }>`
    SELECT COUNT(*) AS total FROM account_links
     WHERE contract_id = ${contractId} AND kind = 'invite' AND used_at IS NULL AND expires_at > ${sql.now()}`
  return row?.total ?? 0
}

export async function findInvitation(
  sql: Reader,
  contractId: number,
  publicId: string,
): Promise<AccountLinkRow | null> {
  return await sql.get<AccountLinkRow>`
    ${SELECT} WHERE public_id = ${publicId} AND contract_id = ${contractId} AND kind = 'invite' AND used_at IS NULL
       AND expires_at > ${sql.now()}`
}

export interface NewAccountLink {
  readonly publicId: string
  readonly secretHash: string
  readonly kind: 'invite' | 'reset'
  readonly contractId: number | null
  readonly identityId: number | null
  readonly email: string
  readonly role: Role | null
  readonly manageRegistry: boolean
  readonly createdBy: string
  /** Null: at the machine itself. */
  readonly createdById: number | null
  readonly expiresAt: number
}

export async function insertLink(sql: Transaction, row: NewAccountLink): Promise<void> {
  await sql.run`
    INSERT INTO account_links (public_id, secret_hash, kind, contract_id, identity_id, email, role, manage_registry,
                               created_by, created_by_id, created_at, expires_at)
    VALUES (${row.publicId}, ${row.secretHash}, ${row.kind}, ${row.contractId}, ${row.identityId}, ${row.email},
            ${row.role}, ${row.manageRegistry ? 1 : 0}, ${row.createdBy}, ${row.createdById}, ${sql.now()}, ${row.expiresAt})`
}

/** False when another one was first. */
export async function useLink(sql: Transaction, id: number): Promise<boolean> {
  return (await sql.run`UPDATE account_links SET used_at = ${sql.now()} WHERE id = ${id} AND used_at IS NULL`) > 0
}

/** False when it was used or gone already. */
export async function deleteLink(sql: Transaction, id: number): Promise<boolean> {
  return (await sql.run`DELETE FROM account_links WHERE id = ${id} AND used_at IS NULL`) > 0
}

export async function deleteInvitationsOf(sql: Transaction, contractId: number, email: string): Promise<void> {
  await sql.run`
    DELETE FROM account_links
     WHERE contract_id = ${contractId} AND kind = 'invite' AND email = ${email} AND used_at IS NULL`
}

/** Call where somebody's standing changes: whoever made the link may have had the right to it only before. */
export async function deleteResetsOf(sql: Transaction, identityId: number): Promise<void> {
  await sql.run`DELETE FROM account_links WHERE identity_id = ${identityId} AND kind = 'reset' AND used_at IS NULL`
}

/** Invitations and resets that somebody made by right of a contract, or of an operator; `contractId` null: all of theirs. */
export async function deleteLinksBy(sql: Transaction, contractId: number | null, identityId: number): Promise<void> {
  const within = contractId === null ? fragment`` : fragment`AND (contract_id = ${contractId} OR contract_id IS NULL)`
  await sql.run`DELETE FROM account_links WHERE created_by_id = ${identityId} AND used_at IS NULL ${within}`
}

export async function deleteLinksIn(sql: Transaction, contractId: number): Promise<void> {
  await sql.run`DELETE FROM account_links WHERE contract_id = ${contractId} AND used_at IS NULL`
}

/** Used ones too. At most `limit`; how many went. */
export async function deleteLinksExpiredUntil(sql: Transaction, until: number, limit: number): Promise<number> {
  return await sql.run`
    DELETE FROM account_links
     WHERE id IN (SELECT id FROM account_links WHERE expires_at <= ${until} ORDER BY expires_at LIMIT ${limit})`
}
