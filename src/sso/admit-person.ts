import type { Role } from '../domain/actor.ts'
import type { Email } from '../domain/email.ts'
import { parseEmail } from '../domain/email.ts'
import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import { tidyLine } from '../domain/text-line.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { deleteLinksBy } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import type { IdentityRow } from '../metadata/tables/identities.ts'
import { identityById, insertIdentity, lockIdentity } from '../metadata/tables/identities.ts'
import { changeMembership, findMembership, insertMembership } from '../metadata/tables/memberships.ts'
import { deleteRefreshTokensIn } from '../metadata/tables/refresh-tokens.ts'
import {
  deleteSession,
  deleteSessionsIn,
  insertSession,
  SESSION_LIFETIME_MS,
  sessionsOf,
} from '../metadata/tables/sessions.ts'
import type { SsoProviderRow } from '../metadata/tables/sso-providers.ts'
import { holdSsoProvider } from '../metadata/tables/sso-providers.ts'
import { spendSsoState } from '../metadata/tables/sso-spent-states.ts'
import type { SsoSubjectRow } from '../metadata/tables/sso-subjects.ts'
import { insertSsoSubject, lockSsoSubject, ssoSubjectSeen } from '../metadata/tables/sso-subjects.ts'
import type { SsoDeps } from './deps.ts'
import { eventOf } from './deps.ts'
import type { Claims } from './provider.ts'
import type { MappedRights } from './role-mapping.ts'
import { groupsOf, rightsOf } from './role-mapping.ts'

export type Admission =
  | { readonly session: string; readonly expiresAt: number }
  | {
      readonly refusal:
        | 'spent'
        | 'unusable'
        | 'no_rights'
        | 'no_email'
        | 'unverified_email'
        | 'email_taken'
        | 'disabled'
    }

export interface Arrival {
  readonly claims: Claims
  /** The state that led here: it leads to one session. */
  readonly spent: { readonly stateHash: string; readonly expiresAt: number }
  readonly address: string
  readonly userAgent: string | null
}

interface Guest extends Arrival {
  readonly contractId: number
  /** As stored: the provider's own way of writing it. */
  readonly issuer: string
  readonly provider: string
  readonly email: Email | null
}

/** Of one person; the oldest go first. */
const MOST_SESSIONS = 100

/**
 * Whoever a provider named becomes a person of its contract, with the rights that their groups give now, and gets a session
 * that opens this contract only. People are found by (contract, issuer, subject) and by nothing else: an e-mail address is
 * whatever a provider says it is. One transaction: rights end in it also when the answer is no.
 */
export async function admitPerson(deps: SsoDeps, asked: SsoProviderRow, arrival: Arrival): Promise<Admission> {
  const { claims } = arrival
  const secret = newSecret(SECRET_PREFIX.session)
  const ids = { userId: deps.newId(), session: deps.newId() }
  return await deps.metadata.transact(async (sql) => {
    const contract = await lockContract(sql, asked.contract_id)
    const row = await holdSsoProvider(sql, asked.id)
    if (contract?.state !== 'active' || row?.enabled !== 1) return { refusal: 'unusable' }
    const guest: Guest = {
      ...arrival,
      contractId: row.contract_id,
      issuer: row.issuer,
      provider: row.name,
      email: emailOf(claims),
    }
    const rights = rightsOf(groupsOf(claims, row.groups_claim), JSON.parse(row.role_mapping), row.default_role)
    if (!(await spendSsoState(sql, arrival.spent.stateHash, arrival.spent.expiresAt))) return { refusal: 'spent' }
    const subject = await lockSsoSubject(sql, guest.contractId, guest.issuer, claims.sub)
    const person = subject
      ? await returning(deps, sql, guest, subject, rights)
      : await arriving(deps, sql, guest, rights, ids.userId)
    if ('refusal' in person) return person
    const expiresAt = sql.now() + SESSION_LIFETIME_MS
    const session = { publicId: ids.session, secretHash: secret.hash, expiresAt }
    await open(deps, sql, guest, person, session)
    return { session: secret.text, expiresAt }
  })
}

type Found = Pick<IdentityRow, 'id' | 'email'> | Extract<Admission, { refusal: unknown }>

/** Somebody whom this contract never saw by this provider. */
async function arriving(
  deps: SsoDeps,
  sql: Transaction,
  guest: Guest,
  rights: MappedRights | null,
  userId: string,
): Promise<Found> {
  const { contractId, issuer, email, claims } = guest
  if (rights === null) return { refusal: 'no_rights' }
  if (email === null) return { refusal: 'no_email' }
  if (claims['email_verified'] === false) return { refusal: 'unverified_email' }
  const id = await insertIdentity(sql, { userId, email, passwordHash: null })
  if (id === null) return { refusal: 'email_taken' }
  await insertSsoSubject(sql, { contractId, issuer, subject: claims.sub, identityId: id, lastLoginAt: sql.now() })
  await join(deps, sql, guest, { id, email }, rights)
  return { id, email }
}

async function returning(
  deps: SsoDeps,
  sql: Transaction,
  guest: Guest,
  subject: SsoSubjectRow,
  rights: MappedRights | null,
): Promise<Found> {
  const { contractId } = guest
  const known = await identityById(sql, subject.identity_id)
  const person = known && (await lockIdentity(sql, known.user_id))
  if (!person || person.disabled_at !== null) return { refusal: 'disabled' }
  const membership = await findMembership(sql, contractId, person.id)
  const ended = membership !== null && membership.disabled_at !== null && membership.disabled_at === subject.ended_at
  if (membership !== null && membership.disabled_at !== null && !ended) return { refusal: 'disabled' }
  if (rights === null) {
    if (membership !== null && !ended && membership.role !== 'owner')
      await end(deps, sql, guest, subject, person, membership)
    return { refusal: 'no_rights' }
  }
  if (membership === null) await join(deps, sql, guest, person, rights)
  else await adapt(deps, sql, guest, person, membership, rights)
  await ssoSubjectSeen(sql, subject.id, null)
  return person
}

type Person = Pick<IdentityRow, 'id' | 'email'>
interface Standing {
  readonly role: Role
  readonly manage_registry: number
  readonly disabled_at: number | null
}

async function join(
  { audit }: SsoDeps,
  sql: Transaction,
  { contractId, provider, address }: Guest,
  { id, email }: Person,
  rights: MappedRights,
): Promise<void> {
  await insertMembership(sql, { contractId, identityId: id, ...rights })
  await bumpAuthEpoch(sql)
  await audit(sql, eventOf(contractId, doer(provider, address), 'user.add', email, { ...rights }))
}

/** Role and privilege are what the groups say now. An owner stays one: who owns a contract is not for a provider to say. */
async function adapt(
  { audit }: SsoDeps,
  sql: Transaction,
  { contractId, provider, address }: Guest,
  { id, email }: Person,
  before: Standing,
  rights: MappedRights,
): Promise<void> {
  if (before.role === 'owner' && before.disabled_at === null) return
  const after = before.role === 'owner' ? { role: before.role, manageRegistry: before.manage_registry === 1 } : rights
  const isSame = before.role === after.role && (before.manage_registry === 1) === after.manageRegistry
  if (isSame && before.disabled_at === null) return
  await changeMembership(sql, { contractId, identityId: id }, { ...after, disabledAt: null })
  if (before.role !== after.role) await deleteLinksBy(sql, contractId, id)
  await bumpAuthEpoch(sql)
  const detail = { ...after, formerRole: before.role, ...(before.disabled_at !== null && { disabled: false }) }
  await audit(sql, eventOf(contractId, doer(provider, address), 'user.change', email, detail))
}

/** Out within a second, with sessions and keys; keys and role are kept for when a group lets them in again. */
async function end(
  { audit }: SsoDeps,
  sql: Transaction,
  { contractId, provider, address }: Guest,
  subject: SsoSubjectRow,
  { id, email }: Person,
  { role, manage_registry }: Standing,
): Promise<void> {
  const disabledAt = sql.now()
  await changeMembership(
    sql,
    { contractId, identityId: id },
    { role, manageRegistry: manage_registry === 1, disabledAt },
  )
  await ssoSubjectSeen(sql, subject.id, disabledAt)
  await deleteRefreshTokensIn(sql, contractId, id)
  await deleteSessionsIn(sql, contractId, id)
  await deleteLinksBy(sql, contractId, id)
  await bumpAuthEpoch(sql)
  const detail = { disabled: true, reason: 'in no mapped group' }
  await audit(sql, eventOf(contractId, doer(provider, address), 'user.change', email, detail))
}

async function open(
  { audit }: SsoDeps,
  sql: Transaction,
  { contractId, provider, address, userAgent }: Guest,
  { id: identityId, email }: Person,
  session: { readonly publicId: string; readonly secretHash: string; readonly expiresAt: number },
): Promise<void> {
  for (const { id } of (await sessionsOf(sql, identityId)).slice(MOST_SESSIONS - 1)) await deleteSession(sql, id)
  const row = { ...session, identityId, contractId, bound: true, address }
  await insertSession(sql, { ...row, userAgent: tidyLine(userAgent, 200) })
  const detail = { id: session.publicId, sso: provider }
  await audit(sql, eventOf(contractId, { label: email, address }, 'session.create', email, detail))
}

function doer(provider: string, address: string): { label: string; address: string } {
  return { label: `sso:${provider}`, address }
}

function emailOf({ email }: Claims): Email | null {
  if (typeof email !== 'string') return null
  try {
    return parseEmail(email)
  } catch {
    return null
  }
}
