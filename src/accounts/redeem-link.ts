import type { Person } from '../domain/access.ts'
import { DomainError } from '../domain/error.ts'
import { hashSecret, parseSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import type { AccountLinkRow } from '../metadata/tables/account-links.ts'
import { deleteResetsOf, linkByHash, lockLink, useLink } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { lockContract } from '../metadata/tables/contracts.ts'
import { identityByEmail, identityById, insertIdentity, lockIdentity } from '../metadata/tables/identities.ts'
import { insertMembership } from '../metadata/tables/memberships.ts'
import type { AccountsDeps, Doer, PasswordProof } from './deps.ts'
import { eventOf } from './deps.ts'
import { checkNewPassword } from './password-rule.ts'
import { replacePassword, requireSoleContract } from './set-password.ts'

export interface Redemption {
  readonly secret: string
  /** A reset: the new one. An invitation: the person's own, or whoever is new chooses it. null: they are logged in. */
  readonly password: string | null
  /** Who asks, as far as they show it. */
  readonly person: Person | null
  readonly address: string
}

export interface Redeemed {
  readonly kind: 'invite' | 'reset'
  readonly email: string
  /** null: a password was reset. */
  readonly contractId: number | null
}

/**
 * Opens a link, once. The same words and the same rule meet a person with an account and one without: who has one must
 * prove to be that person, so that an invitation neither takes over an account nor joins one without its owner's will.
 * @throws `not_found` (used, expired, replaced, revoked), `input_invalid`, `unauthenticated`, `conflict`, `too_many_requests`.
 */
export async function redeemLink(deps: AccountsDeps, asked: Redemption): Promise<Redeemed> {
  const { secret, password } = asked
  const isOurs = parseSecret(secret)?.prefix === SECRET_PREFIX.accountLink
  const link = isOurs ? await deps.metadata.read((sql) => linkByHash(sql, hashSecret(secret))) : null
  if (link === null) throw worthless()
  if (password !== null) checkNewPassword(password)
  return link.kind === 'reset' ? await reset(deps, link, asked) : await accept(deps, link, asked)
}

async function reset(deps: AccountsDeps, link: AccountLinkRow, { password, address }: Redemption): Promise<Redeemed> {
  if (password === null) throw new DomainError('input_invalid', 'password is missing: choose a new one')
  const passwordHash = await deps.hashPassword(password)
  return await deps.metadata.transact(async (sql) => {
    const known = link.identity_id === null ? null : await identityById(sql, link.identity_id)
    const person = known && (await lockIdentity(sql, known.user_id))
    await take(sql, link)
    if (!person) throw worthless()
    if (link.contract_id !== null) await requireSoleContract(sql, person, link.contract_id).catch(refuse)
    await replacePassword(sql, person.id, passwordHash)
    const doer: Doer = { label: person.email, address, role: 'member' }
    await deps.audit(sql, eventOf(link.contract_id, doer, 'user.set-password', person.email, { by: 'link' }))
    return { kind: 'reset', email: person.email, contractId: null }
  })
}

async function accept(deps: AccountsDeps, link: AccountLinkRow, asked: Redemption): Promise<Redeemed> {
  const proof = await proofOf(deps, link, asked)
  const fresh = 'passwordHash' in proof ? { userId: deps.newId(), email: link.email, ...proof } : null
  return await deps.metadata.transact(async (sql) => {
    const contract = link.contract_id === null ? null : await lockContract(sql, link.contract_id)
    if (contract?.state !== 'active') throw worthless()
    const identityId = fresh
      ? await insertIdentity(sql, fresh)
      : await provenIdentity(sql, link, proof as PasswordProof)
    if (identityId === null) throw unproven()
    await take(sql, link)
    const { role, manage_registry } = link
    const membership = {
      contractId: contract.id,
      identityId,
      role: role ?? 'member',
      manageRegistry: manage_registry === 1,
    }
    if (!(await insertMembership(sql, membership))) {
      throw new DomainError('conflict', `${link.email} is a member of the contract already`)
    }
    await deleteResetsOf(sql, identityId)
    await bumpAuthEpoch(sql)
    const doer: Doer = { label: link.email, address: asked.address, role: 'member' }
    const detail = { role: membership.role, manageRegistry: membership.manageRegistry, invitedBy: link.created_by }
    await deps.audit(sql, eventOf(contract.id, doer, 'invitation.accept', link.email, detail))
    return { kind: 'invite', email: link.email, contractId: contract.id }
  })
}

/** That the one who accepts is whom the address belongs to; or, when it is nobody's, the password they will have. */
async function proofOf(
  deps: AccountsDeps,
  { email }: AccountLinkRow,
  { password, person, address }: Redemption,
): Promise<PasswordProof | { readonly passwordHash: string }> {
  if (person?.kind === 'user' && person.email === email && person.session?.bound !== true) return person
  if (password === null) {
    throw new DomainError('input_invalid', `password is missing: choose one, or write yours if ${email} has one here`)
  }
  if (await deps.metadata.read((sql) => identityByEmail(sql, email))) {
    return await deps.provePassword({ email, password, address })
  }
  return { passwordHash: await deps.hashPassword(password) }
}

async function provenIdentity(
  sql: Transaction,
  { email }: AccountLinkRow,
  proof: PasswordProof,
): Promise<number | null> {
  const known = await identityByEmail(sql, email)
  const person = known && (await lockIdentity(sql, known.user_id))
  if (!person || person.id !== proof.identityId || person.password_version !== proof.passwordVersion) return null
  return person.disabled_at === null ? person.id : null
}

/** Once: of two who open it at the same time one is told that it is used. */
async function take(sql: Transaction, link: AccountLinkRow): Promise<void> {
  if (!(await lockLink(sql, link.id)) || !(await useLink(sql, link.id))) throw worthless()
}

function refuse(): never {
  throw worthless()
}

function worthless(): DomainError {
  return new DomainError('not_found', 'this link does not work: it was used, replaced or revoked, or its time is over')
}

function unproven(): DomainError {
  return new DomainError('unauthenticated', 'this account changed just now: try again')
}
