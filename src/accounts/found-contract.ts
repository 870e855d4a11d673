import type { Contract } from './contracts.ts'
import { insertNamed, parseContractName } from './contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'
import type { NewInvitation } from './invitations.ts'
import { freshInvitation, invite } from './invitations.ts'

/** A contract and the invitation of its first owner: neither is without the other. @throws `input_invalid` */
export async function foundContract(
  deps: AccountsDeps,
  input: { readonly name: string; readonly ownerEmail: string },
  doer: Doer,
): Promise<NewInvitation & { readonly contract: Contract }> {
  const name = parseContractName(input.name)
  const owner = { contractId: 0, email: input.ownerEmail, role: 'owner', manageRegistry: true } as const
  const fresh = freshInvitation(deps, owner, doer)
  return await deps.metadata.transact(async (sql) => {
    const contract = await insertNamed(deps, sql, name, doer)
    const made = await invite(deps, sql, { ...fresh, contractId: contract.contractId }, doer)
    return { ...made, contract }
  })
}
