import type { Role } from '../../domain/actor.ts'
import type { Reader, Transaction } from '../metadata-store.ts'

export interface MembershipRow {
  readonly contract_id: number
  readonly role: Role
  readonly manage_registry: number
}

/** A person as their contract sees them. */
export interface MemberRow extends MembershipRow {
  readonly identity_id: number
  readonly user_id: string
  readonly email: string
  readonly disabled_at: number | null
  readonly created_at: number
}

/** In active contracts and not disabled, the lowest contract number first. */
export async function activeMembershipsOf(sql: Reader, identityId: number): Promise<MembershipRow[]> {
  return await sql.all<MembershipRow>`
    SELECT m.contract_id, m.role, m.manage_registry
      FROM memberships m JOIN contracts c ON c.id = m.contract_id
     WHERE m.identity_id = ${identityId} AND m.disabled_at IS NULL AND c.state = 'active'
     ORDER BY m.contract_id`
}

/** How many contracts the person belongs to, in whatever state. */
export async function countMembershipsOf(sql: Reader, identityId: number): Promise<number> {
  const row = await sql.get<{ total: number }>`
    SELECT COUNT(*) AS total FROM memberships WHERE identity_id = ${identityId}`
  return row?.total ?? 0
}

/** By e-mail. */
export async function membersOf(sql: Reader, contractId: number): Promise<MemberRow[]> {
  return await sql.all<MemberRow>`
    SELECT m.contract_id, m.role, m.manage_registry, m.disabled_at, m.created_at, i.id AS identity_id, i.user_id, i.email
      FROM memberships m JOIN identities i ON i.id = m.identity_id
     WHERE m.contract_id = ${contractId} ORDER BY i.email`
}

export async function findMembership(
  sql: Reader,
  contractId: number,
  identityId: number,
): Promise<MembershipRow | null> {
  return await sql.get<MembershipRow>`
    SELECT contract_id, role, manage_registry FROM memberships
     WHERE contract_id = ${contractId} AND identity_id = ${identityId}`
}

export async function otherOwnerExists(sql: Reader, contractId: number, identityId: number): Promise<boolean> {
  const row = await sql.get`
    SELECT 1 AS one FROM memberships
     WHERE contract_id = ${contractId} AND role = 'owner' AND disabled_at IS NULL AND identity_id <> ${identityId} LIMIT 1`
  return row !== null
}

/** False when the person is a member already. */
export async function insertMembership(
  sql: Transaction,
  row: {
    readonly contractId: number
    readonly identityId: number
    readonly role: Role
    readonly manageRegistry: boolean
  },
): Promise<boolean> {
  const added = await sql.run`
    INSERT INTO memberships (contract_id, identity_id, role, manage_registry, created_at)
    VALUES (${row.contractId}, ${row.identityId}, ${row.role}, ${row.manageRegistry ? 1 : 0}, ${sql.now()})
    ON CONFLICT DO NOTHING`
  return added > 0
}

export async function deleteMembership(sql: Transaction, contractId: number, identityId: number): Promise<void> {
  await sql.run`DELETE FROM memberships WHERE contract_id = ${contractId} AND identity_id = ${identityId}`
}
