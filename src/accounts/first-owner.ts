import { randomInt } from 'node:crypto'
import { parseEmail } from '../domain/email.ts'
import { lockAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { insertContract, someContractExists } from '../metadata/tables/contracts.ts'
import { insertIdentity, setOperator } from '../metadata/tables/identities.ts'
import { insertMembership } from '../metadata/tables/memberships.ts'
import type { AccountsDeps } from './deps.ts'
import { OPERATOR } from './deps.ts'
import { checkNewPassword } from './password-rule.ts'

export interface FirstOwner {
  readonly contractId: number
  readonly email: string
  /** Set when it was made here: to be shown once. */
  readonly generatedPassword: string | null
}

/** Without 0, O, 1, I and l: it is read from a terminal. 20 of 57 are 116 bits. */
const LETTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/**
 * At the very first start: contract 1 and its owner, who is operator too. Null when there is a contract already; of two processes that start at
 * once one gets null. @throws `input_invalid` for an e-mail or password that cannot be.
 */
export async function createFirstOwner(
  deps: Pick<AccountsDeps, 'metadata' | 'hashPassword' | 'audit' | 'newId'>,
  input: { readonly email: string; readonly password: string | null },
): Promise<FirstOwner | null> {
  if (await deps.metadata.read(someContractExists)) return null
  const email = parseEmail(input.email)
  if (input.password !== null) checkNewPassword(input.password)
  const password = input.password ?? generatePassword()
  const passwordHash = await deps.hashPassword(password)
  const userId = deps.newId()
  return await deps.metadata.transact(async (sql) => {
    await lockAuthEpoch(sql)
    if (await someContractExists(sql)) return null
    const contractId = await insertContract(sql, 'Contract 1')
    const identityId = await insertIdentity(sql, { userId, email, passwordHash })
    if (identityId === null) throw new TypeError(`an installation without contracts has a person ${email}`)
    await insertMembership(sql, { contractId, identityId, role: 'owner', manageRegistry: true })
    await setOperator(sql, identityId, true)
    const { label: actor, address } = OPERATOR
    await deps.audit(sql, { contractId, registryId: null, actor, action: 'contract.create', subject: email, address })
    return { contractId, email, generatedPassword: input.password === null ? password : null }
  })
}

function generatePassword(): string {
  return Array.from({ length: 20 }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}
