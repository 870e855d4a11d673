import { DomainError } from '../domain/error.ts'
import { parseLine } from '../domain/text-line.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import { lockIdentity } from '../metadata/tables/identities.ts'
import type { MembershipRow } from '../metadata/tables/memberships.ts'
import { findMembership } from '../metadata/tables/memberships.ts'
import { deleteSessionsIn } from '../metadata/tables/sessions.ts'
import { findSsoProvider } from '../metadata/tables/sso-providers.ts'
import type { SsoLinkRow } from '../metadata/tables/sso-subjects.ts'
import { deleteSsoSubject, insertSsoSubject, lockSsoLink, ssoSubjectsOf } from '../metadata/tables/sso-subjects.ts'
import type { Doer, SsoDeps } from './deps.ts'
import { eventOf } from './deps.ts'

/** Which person of the contract a provider's subject is. */
export interface Link {
  readonly userId: string
  readonly email: string
  readonly subject: string
  readonly since: number
  /** Null: not seen yet. */
  readonly lastLoginAt: number | null
  /** Where a list goes on. */
  readonly position: number
}

interface Place {
  readonly contractId: number
  readonly providerId: string
}

/** @throws `not_found` */
export async function listLinks(
  { metadata }: SsoDeps,
  { contractId, providerId }: Place,
  page: { readonly after: number; readonly limit: number },
): Promise<Link[]> {
  return await metadata.read(async (sql) => {
    const { issuer } = await providerOf(sql, contractId, providerId)
    return (await ssoSubjectsOf(sql, contractId, issuer, page)).map(toLink)
  })
}

/**
 * From now on that subject signs on as this member of the contract: the explicit act for people who were there before the
 * provider, since an address alone links nobody. Whoever could link an owner would be one, so owners do that.
 * @throws `not_found`, `denied`, `conflict` (somebody is that subject already, or they are another one).
 */
export async function linkSubject(
  deps: SsoDeps,
  { contractId, providerId }: Place,
  input: { readonly userId: string; readonly subject: string },
  doer: Doer,
): Promise<Link> {
  const subject = parseLine('subject', input.subject, 255)
  return await deps.metadata.transact(async (sql) => {
    await lockContract(sql, contractId)
    const { issuer, name } = await providerOf(sql, contractId, providerId)
    const person = await lockIdentity(sql, input.userId)
    const membership = person && (await findMembership(sql, contractId, person.id))
    if (!person || !membership) throw noSuchUser(input.userId)
    mayConcern(doer, membership)
    const [already] = await lockSsoLink(sql, contractId, issuer, person.user_id)
    if (already) throw new DomainError('conflict', `${person.email} is linked to ${name} already: unlink that first`)
    const link = { contractId, issuer, subject, identityId: person.id, lastLoginAt: null }
    if (!(await insertSsoSubject(sql, link))) {
      throw new DomainError(
        'conflict',
        `subject ${subject} of ${name} is another member already: unlink that one first`,
      )
    }
    await deps.audit(sql, eventOf(contractId, doer, 'sso.link', person.email, { provider: name, subject }))
    const [made] = await lockSsoLink(sql, contractId, issuer, person.user_id)
    if (!made) throw new TypeError('what was inserted is there')
    return toLink(made)
  })
}

/**
 * They no longer sign on by this provider; sessions that it may have opened end at once. @throws `not_found`, `denied`
 */
export async function unlinkSubject(
  deps: SsoDeps,
  { contractId, providerId }: Place,
  userId: string,
  doer: Doer,
): Promise<void> {
  await deps.metadata.transact(async (sql) => {
    await lockContract(sql, contractId)
    const { issuer, name } = await providerOf(sql, contractId, providerId)
    const links = await lockSsoLink(sql, contractId, issuer, userId)
    const [first] = links
    if (!first) throw noSuchUser(userId)
    mayConcern(doer, await findMembership(sql, contractId, first.identity_id))
    for (const { id } of links) await deleteSsoSubject(sql, id)
    await deleteSessionsIn(sql, contractId, first.identity_id)
    await bumpAuthEpoch(sql)
    await deps.audit(
      sql,
      eventOf(contractId, doer, 'sso.unlink', first.email, { provider: name, subject: first.subject }),
    )
  })
}

async function providerOf(sql: Parameters<typeof findSsoProvider>[0], contractId: number, providerId: string) {
  const row = await findSsoProvider(sql, contractId, providerId)
  if (row) return row
  throw new DomainError('not_found', `identity provider ${providerId.slice(0, 80)} does not exist`)
}

function mayConcern(doer: Doer, membership: MembershipRow | null): void {
  if (membership?.role !== 'owner' || doer.role === 'owner' || doer.role === 'operator') return
  throw new DomainError('denied', 'only an owner of the contract can decide how an owner signs on: ask one to do this')
}

function noSuchUser(userId: string): DomainError {
  return new DomainError('not_found', `user ${userId.slice(0, 80)} does not exist`)
}

function toLink(row: SsoLinkRow): Link {
  return {
    userId: row.user_id,
    email: row.email,
    subject: row.subject,
    since: row.created_at,
    lastLoginAt: row.last_login_at,
    position: row.id,
  }
}
