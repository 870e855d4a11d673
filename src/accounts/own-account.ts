import type { UserPrincipal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import { parseLine } from '../domain/text-line.ts'
import { identityById, lockIdentity, setDisplayName } from '../metadata/tables/identities.ts'
import { contractsOf } from '../metadata/tables/memberships.ts'
import type { AccountsDeps, Asker } from './deps.ts'
import { doerOf, eventOf } from './deps.ts'
import { checkNewPassword } from './password-rule.ts'
import { replacePassword } from './set-password.ts'

export interface OwnContract {
  readonly contractId: number
  readonly name: string
  readonly role: UserPrincipal['role']
  readonly manageRegistry: boolean
}

export interface Profile {
  readonly displayName: string | null
  /** False: they log in by single sign-on only. */
  readonly hasPassword: boolean
}

/** Where the person can act with what they logged in with: a key and a bound session know one contract only. */
export async function listOwnContracts({ metadata }: AccountsDeps, { person }: Asker): Promise<OwnContract[]> {
  const rows = await metadata.read((sql) => contractsOf(sql, person.identityId))
  const isOne = person.kind === 'api_key' || person.session?.bound === true
  return rows
    .filter(({ contract_id }) => !isOne || contract_id === person.contractId)
    .map((row) => ({
      contractId: row.contract_id,
      name: row.name,
      role: row.role,
      manageRegistry: row.manage_registry === 1,
    }))
}

export async function getProfile({ metadata }: AccountsDeps, { person }: Asker): Promise<Profile> {
  const row = await metadata.read((sql) => identityById(sql, person.identityId))
  return { displayName: row?.display_name ?? null, hasPassword: row?.password_hash != null }
}

/** @throws `input_invalid`, `denied` (a key, or a login of one contract: other contracts see the name too). */
export async function changeProfile(
  deps: AccountsDeps,
  input: { readonly displayName: string | null },
  asker: Asker,
): Promise<void> {
  const person = wholePerson(asker)
  const displayName = input.displayName === null ? null : parseLine('displayName', input.displayName, 100)
  await deps.metadata.transact(async (sql) => {
    await setDisplayName(sql, person.identityId, displayName)
    const event = eventOf(person.contractId, doerOf(asker), 'user.change-profile', person.email, { displayName })
    await deps.audit(sql, event)
  })
}

/** Other sessions and all bearer and refresh tokens end within a second. @throws `input_invalid`, `denied`, `unauthenticated` */
export async function changeOwnPassword(
  deps: AccountsDeps,
  input: { readonly current: string; readonly password: string },
  asker: Asker,
): Promise<void> {
  const { contractId, identityId, userId, email, session } = wholePerson(asker)
  checkNewPassword(input.password)
  const proof = await deps.provePassword({ email, password: input.current, address: asker.address }).catch(namingIt)
  const passwordHash = await deps.hashPassword(input.password)
  await deps.metadata.transact(async (sql) => {
    const row = await lockIdentity(sql, userId)
    if (row?.id !== proof.identityId || row.password_version !== proof.passwordVersion) throw wrongPassword()
    await replacePassword(sql, identityId, passwordHash, session?.sessionId)
    await deps.audit(sql, eventOf(contractId, doerOf(asker), 'user.set-password', email, { by: 'themselves' }))
  })
}

/** What is the person's beyond one contract is for them alone to change, not for what a contract made or chose. */
function wholePerson({ person }: Asker): UserPrincipal {
  if (person.kind === 'user' && person.session?.bound !== true) return person
  const why = person.kind === 'api_key' ? 'an API key' : 'a login by single sign-on'
  throw new DomainError('denied', `${why} opens one contract, your account may open several: log in by password`)
}

function namingIt(error: unknown): never {
  if (error instanceof DomainError && error.kind === 'unauthenticated') throw wrongPassword()
  throw error
}

/** Not `unauthenticated`: whoever asks is known, and a console would send them to its login page. */
function wrongPassword(): DomainError {
  return new DomainError('denied', 'currentPassword is wrong')
}
