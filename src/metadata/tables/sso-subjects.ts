import type { Reader, Transaction } from '../metadata-store.ts'
import { forUpdate, forUpdateOf, sql as fragment } from '../sql.ts'

/** Who a contract's identity provider means, and which person that is here. */
export interface SsoSubjectRow {
  readonly id: number
  readonly contract_id: number
  readonly issuer: string
  readonly subject: string
  readonly identity_id: number
  readonly created_at: number
  /** Null: linked by hand and not seen yet. */
  readonly last_login_at: number | null
  /** When a login without rights disabled the membership; the same number as there while nobody changed it since. */
  readonly ended_at: number | null
}

export interface SsoLinkRow extends SsoSubjectRow {
  readonly user_id: string
  readonly email: string
}

const SELECT = fragment`
  SELECT s.id, s.contract_id, s.issuer, s.subject, s.identity_id, s.created_at, s.last_login_at, s.ended_at`

/** Held against all other changes until the transaction ends. */
export async function lockSsoSubject(
  sql: Transaction,
  contractId: number,
  issuer: string,
  subject: string,
): Promise<SsoSubjectRow | null> {
  return await sql.get<SsoSubjectRow>`
    ${SELECT} FROM sso_subjects s
     WHERE s.contract_id = ${contractId} AND s.issuer = ${issuer} AND s.subject = ${subject} ${forUpdate(sql)}`
}

/** Of one issuer, in order of their making, after the internal id `after`. */
export async function ssoSubjectsOf(
  sql: Reader,
  contractId: number,
  issuer: string,
  page: { readonly after: number; readonly limit: number },
): Promise<SsoLinkRow[]> {
  return await sql.all<SsoLinkRow>`
    ${SELECT}, i.user_id, i.email FROM sso_subjects s JOIN identities i ON i.id = s.identity_id
     WHERE s.contract_id = ${contractId} AND s.issuer = ${issuer} AND s.id > ${page.after}
     ORDER BY s.id LIMIT ${page.limit}`
}

export async function lockSsoLink(
  sql: Transaction,
  contractId: number,
  issuer: string,
  userId: string,
): Promise<SsoLinkRow[]> {
  return await sql.all<SsoLinkRow>`
    ${SELECT}, i.user_id, i.email FROM sso_subjects s JOIN identities i ON i.id = s.identity_id
     WHERE s.contract_id = ${contractId} AND s.issuer = ${issuer} AND i.user_id = ${userId}
     ORDER BY s.id ${forUpdateOf(sql, 's')}`
}

/** False when that subject is somebody already. */
export async function insertSsoSubject(
  sql: Transaction,
  row: {
    readonly contractId: number
    readonly issuer: string
    readonly subject: string
    readonly identityId: number
    readonly lastLoginAt: number | null
  },
): Promise<boolean> {
  const added = await sql.run`
    INSERT INTO sso_subjects (contract_id, issuer, subject, identity_id, created_at, last_login_at)
    VALUES (${row.contractId}, ${row.issuer}, ${row.subject}, ${row.identityId}, ${sql.now()}, ${row.lastLoginAt})
    ON CONFLICT DO NOTHING`
  return added > 0
}

export async function ssoSubjectSeen(sql: Transaction, id: number, endedAt: number | null): Promise<void> {
  await sql.run`UPDATE sso_subjects SET last_login_at = ${sql.now()}, ended_at = ${endedAt} WHERE id = ${id}`
}

export async function deleteSsoSubject(sql: Transaction, id: number): Promise<void> {
  await sql.run`DELETE FROM sso_subjects WHERE id = ${id}`
}

/** Those that single sign-on by this issuer may have opened in the contract, of all but one person. How many went. */
export async function deleteSsoSessions(
  sql: Transaction,
  { contractId, issuer }: { readonly contractId: number; readonly issuer: string },
  exceptIdentityId: number,
): Promise<number> {
  return await sql.run`
    DELETE FROM sessions
     WHERE contract_id = ${contractId} AND bound = 1 AND identity_id <> ${exceptIdentityId}
       AND identity_id IN (SELECT s.identity_id FROM sso_subjects s
                            WHERE s.contract_id = ${contractId} AND s.issuer = ${issuer})`
}
