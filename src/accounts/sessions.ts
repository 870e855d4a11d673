import type { UserPrincipal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import { hashSecret, newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import { tidyLine } from '../domain/text-line.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { holdIdentity } from '../metadata/tables/identities.ts'
import { findMembership } from '../metadata/tables/memberships.ts'
import type { SessionRow } from '../metadata/tables/sessions.ts'
import {
  deleteSession,
  deleteSessionsOf,
  findSession,
  insertSession,
  SESSION_IDLE_MS,
  SESSION_LIFETIME_MS,
  sessionByHash,
  sessionById,
  sessionsOf,
} from '../metadata/tables/sessions.ts'
import type { AccountsDeps, Asker } from './deps.ts'
import { doerOf, eventOf } from './deps.ts'

/** Of one person; the oldest go first. */
const MOST_SESSIONS = 100

export interface Session {
  readonly id: string
  readonly contractId: number
  readonly createdAt: number
  readonly lastUsedAt: number
  /** By disuse or by age, whichever is first if it is not used again. */
  readonly expiresAt: number
  readonly address: string | null
  readonly userAgent: string | null
  /** Made by single sign-on: it opens its contract only. */
  readonly bound: boolean
  /** The one that asks. */
  readonly current: boolean
}

export interface NewSession {
  readonly session: Session
  /** However busy: when its cookie may go. */
  readonly endsAt: number
  /** In this answer only. */
  readonly secret: string
}

/**
 * For somebody who just logged in by password. The session they came with ends, so that one planted in their browser
 * never becomes theirs. @throws `unauthenticated` when password or membership changed meanwhile.
 */
export async function createSession(
  deps: AccountsDeps,
  input: {
    readonly person: UserPrincipal
    /** The secret of the session they came with. */
    readonly replaces: string | null
    readonly address: string
    readonly userAgent: string | null
  },
): Promise<NewSession> {
  const { person, address } = input
  const { contractId, identityId } = person
  const secret = newSecret(SECRET_PREFIX.session)
  const publicId = deps.newId()
  return await deps.metadata.transact(async (sql) => {
    await holdProven(sql, person)
    if (input.replaces !== null) await endFormer(sql, input.replaces)
    for (const { id } of (await sessionsOf(sql, identityId)).slice(MOST_SESSIONS - 1)) await deleteSession(sql, id)
    const row = { publicId, secretHash: secret.hash, identityId, contractId, bound: false, address }
    const expiresAt = sql.now() + SESSION_LIFETIME_MS
    await insertSession(sql, { ...row, userAgent: tidyLine(input.userAgent, 200), expiresAt })
    await deps.audit(
      sql,
      eventOf(contractId, doerOf({ person, address }), 'session.create', person.email, { id: publicId }),
    )
    const made = await findSession(sql, identityId, publicId)
    if (!made) throw new TypeError('what was inserted is there')
    return { session: toSession(made, made.id), endsAt: expiresAt, secret: secret.text }
  })
}

/** Their own, the newest first; a session that is bound to a contract sees those of its kind in it. */
export async function listSessions({ metadata }: AccountsDeps, asker: Asker): Promise<Session[]> {
  const own = ownOf(asker)
  const rows = await metadata.read((sql) => sessionsOf(sql, own.identityId))
  return rows.filter(own.isSeen).map((row) => toSession(row, own.sessionId))
}

/** @throws `not_found` */
export async function endSession(deps: AccountsDeps, id: string, asker: Asker): Promise<void> {
  const own = ownOf(asker)
  await deps.metadata.transact(async (sql) => {
    const row = await findSession(sql, own.identityId, id)
    if (!row || !own.isSeen(row) || !(await deleteSession(sql, row.id))) {
      throw new DomainError('not_found', `session ${id.slice(0, 80)} does not exist`)
    }
    await ended(deps, sql, asker, { id })
  })
}

/** The session that asks. Asked without one there is nothing to end. */
export async function endCurrentSession(deps: AccountsDeps, asker: Asker): Promise<void> {
  const { sessionId } = ownOf(asker)
  await deps.metadata.transact(async (sql) => {
    const row = await sessionById(sql, sessionId)
    if (row && (await deleteSession(sql, row.id))) await ended(deps, sql, asker, { id: row.public_id })
  })
}

/** All but the one that asks. @returns how many. */
export async function endOtherSessions(deps: AccountsDeps, asker: Asker): Promise<number> {
  const own = ownOf(asker)
  return await deps.metadata.transact(async (sql) => {
    const count = own.isBound ? await endSeen(sql, own) : await deleteSessionsOf(sql, own.identityId, own.sessionId)
    if (count > 0) await ended(deps, sql, asker, { others: count })
    return count
  })
}

async function endSeen(sql: Transaction, own: ReturnType<typeof ownOf>): Promise<number> {
  const others = (await sessionsOf(sql, own.identityId)).filter((row) => own.isSeen(row) && row.id !== own.sessionId)
  for (const { id } of others) await deleteSession(sql, id)
  return others.length
}

async function ended(
  deps: AccountsDeps,
  sql: Transaction,
  asker: Asker,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await bumpAuthEpoch(sql)
  await deps.audit(sql, eventOf(asker.person.contractId, doerOf(asker), 'session.end', asker.person.email, detail))
}

/** A key is a contract's; sessions are the person's, wherever they lead. @throws `denied` */
function ownOf({ person }: Asker) {
  if (person.kind === 'api_key') {
    throw new DomainError('denied', 'sessions are not for API keys to see or end: log in')
  }
  const { identityId, session, contractId } = person
  const isBound = session?.bound === true
  const isSeen = (row: SessionRow) => !isBound || (row.bound === 1 && row.contract_id === contractId)
  return { identityId, sessionId: session?.sessionId ?? 0, isBound, isSeen }
}

async function holdProven(sql: Transaction, person: UserPrincipal): Promise<void> {
  const row = await holdIdentity(sql, person.identityId)
  const membership = await findMembership(sql, person.contractId, person.identityId)
  const isProven = row?.disabled_at === null && row.password_version === person.passwordVersion
  if (isProven && membership?.disabled_at === null) return
  throw new DomainError('unauthenticated', 'this account changed just now: log in again')
}

async function endFormer(sql: Transaction, secret: string): Promise<void> {
  const former = await sessionByHash(sql, hashSecret(secret))
  if (!former) return
  await deleteSession(sql, former.id)
  await bumpAuthEpoch(sql)
}

function toSession(row: SessionRow, currentId: number): Session {
  return {
    id: row.public_id ?? '',
    contractId: row.contract_id,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: Math.min(row.expires_at, row.last_used_at + SESSION_IDLE_MS),
    address: row.address,
    userAgent: row.user_agent,
    bound: row.bound === 1,
    current: row.id === currentId,
  }
}
