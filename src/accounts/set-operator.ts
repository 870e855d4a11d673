import { parseEmail } from '../domain/email.ts'
import { DomainError } from '../domain/error.ts'
import { deleteLinksBy } from '../metadata/tables/account-links.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { identityByEmail, lockIdentity, setOperator as mark } from '../metadata/tables/identities.ts'
import type { AccountsDeps, Doer } from './deps.ts'

/** Makes a person an operator of the installation, or no longer one. @throws `input_invalid`, `not_found` */
export async function setOperator(
  { metadata, audit }: AccountsDeps,
  input: { readonly email: string; readonly isOperator: boolean },
  doer: Doer,
): Promise<void> {
  const email = parseEmail(input.email)
  await metadata.transact(async (sql) => {
    const known = await identityByEmail(sql, email)
    const person = known && (await lockIdentity(sql, known.user_id))
    if (!person) throw new DomainError('not_found', `${email} is nobody here: add them to a contract first`)
    await mark(sql, person.id, input.isOperator)
    if (!input.isOperator) await deleteLinksBy(sql, null, person.id)
    await bumpAuthEpoch(sql)
    await audit(sql, {
      contractId: null,
      registryId: null,
      actor: doer.label,
      action: input.isOperator ? 'operator.add' : 'operator.remove',
      subject: email,
      address: doer.address,
    })
  })
}
