import type { Role } from '../../domain/actor.ts'
import type { Reader, Transaction } from '../metadata-store.ts'
import { sql as fragment } from '../sql.ts'

export interface MembershipRow {
  readonly contract_id: number
  readonly role: Role
  readonly manage_registry: number
  readonly disabled_at: number | null
}

/** A person as their contract sees them. */
export interface MemberRow extends MembershipRow {
  readonly identity_id: number
  readonly user_id: string
  readonly email: string
  readonly display_name: string | null
  readonly created_at: number
}

const MEMBERS = fragment`
  SELECT m.contract_id, m.role, m.manage_registry, m.disabled_at, m.created_at, i.id AS identity_id, i.user_id, i.email,
         i.display_name
    FROM memberships m JOIN identities i ON i.id = m.identity_id`

/** In active contracts and not disabled, the lowest contract number first. */
export async function activeMembershipsOf(sql: Reader, identityId: number): Promise<MembershipRow[]> {
  return await sql.all<MembershipRow>`
    SELECT m.contract_id, m.role, m.manage_registry, m.disabled_at
      FROM memberships m JOIN contracts c ON c.id = m.contract_id
     WHERE m.identity_id = ${identityId} AND m.disabled_at IS NULL AND c.state = 'active'
     ORDER BY m.contract_id`
}

/** The same, with the contracts' names. */
export async function contractsOf(sql: Reader, identityId: number): Promise<(MembershipRow & { name: string })[]> {
  return await sql.all<MembershipRow & { name: string }>`
    SELECT m.contract_id, m.role, m.manage_registry, m.disabled_at, c.name
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
  return await sql.all<MemberRow>`${MEMBERS} WHERE m.contract_id = ${contractId} ORDER BY i.email`
}

/**
 * By e-mail, strictly after `after`, at most `limit`. Not by internal id: that would tell which of two people was known
 * first, perhaps to another contract.
 */
export async function pageOfMembers(
  sql: Reader,
  contractId: number,
  page: { readonly after: string; readonly limit: number },
): Promise<MemberRow[]> {
  return await sql.all<MemberRow>`
    ${MEMBERS} WHERE m.contract_id = ${contractId} AND i.email > ${page.after} ORDER BY i.email LIMIT ${page.limit}`
}

export async function memberByUserId(sql: Reader, contractId: number, userId: string): Promise<MemberRow | null> {
  return await sql.get<MemberRow>`${MEMBERS} WHERE m.contract_id = ${contractId} AND i.user_id = ${userId}`
}

export async function memberByEmail(sql: Reader, contractId: number, email: string): Promise<MemberRow | null> {
  return await sql.get<MemberRow>`${MEMBERS} WHERE m.contract_id = ${contractId} AND i.email = ${email}`
}

export async function findMembership(
  sql: Reader,
  contractId: number,
  identityId: number,
): Promise<MembershipRow | null> {
  return await sql.get<MembershipRow>`
    SELECT contract_id, role, manage_registry, disabled_at FROM memberships
     WHERE contract_id = ${contractId} AND identity_id = ${identityId}`
}

export async function someOwnerExists(sql: Reader, contractId: number): Promise<boolean> {
  return await otherOwnerExists(sql, contractId, 0)
}

/** Owners who are disabled do not count. */
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

export async function changeMembership(
  sql: Transaction,
  of: { readonly contractId: number; readonly identityId: number },
  to: { readonly role: Role; readonly manageRegistry: boolean; readonly disabledAt: number | null },
): Promise<void> {
  await sql.run`
    UPDATE memberships
       SET role = ${to.role}, manage_registry = ${to.manageRegistry ? 1 : 0}, disabled_at = ${to.disabledAt}
     WHERE contract_id = ${of.contractId} AND identity_id = ${of.identityId}`
}

export async function deleteMembershipsOf(sql: Transaction, contractId: number): Promise<void> {
  await sql.run`DELETE FROM memberships WHERE contract_id = ${contractId}`
}

export async function deleteMembership(sql: Transaction, contractId: number, identityId: number): Promise<void> {
  await sql.run`DELETE FROM memberships WHERE contract_id = ${contractId} AND identity_id = ${identityId}`
}
