import { DomainError } from '../domain/error.ts'
import { bumpAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import { insertContract, setContractState as setState } from '../metadata/tables/contracts.ts'
import type { AccountsDeps, Doer } from './deps.ts'

/** @returns the contract's number. @throws `input_invalid` */
export async function createContract(
  { metadata, audit }: AccountsDeps,
  input: { readonly name: string },
  doer: Doer,
): Promise<number> {
  const name = input.name.trim()
  if (name === '' || name.length > 200 || /\p{C}/u.test(name)) {
    throw new DomainError('input_invalid', 'a contract needs a name of at most 200 printable characters')
  }
  return await metadata.transact(async (sql) => {
    const contractId = await insertContract(sql, name)
    await audit(sql, event(contractId, doer, 'contract.create', name))
    return contractId
  })
}

/** A suspended contract's people and tokens are out within a second. @throws `not_found` */
export async function setContractState(
  { metadata, audit }: AccountsDeps,
  input: { readonly contractId: number; readonly state: 'active' | 'suspended' },
  doer: Doer,
): Promise<void> {
  const { contractId, state } = input
  await metadata.transact(async (sql) => {
    if (!(await setState(sql, contractId, state))) {
      throw new DomainError('not_found', `contract ${contractId} does not exist`)
    }
    await bumpAuthEpoch(sql)
    await audit(
      sql,
      event(contractId, doer, state === 'active' ? 'contract.resume' : 'contract.suspend', `${contractId}`),
    )
  })
}

function event(contractId: number, { label, address }: Doer, action: string, subject: string) {
  return { contractId, registryId: null, actor: label, action, subject, address }
}
