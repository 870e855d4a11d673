import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld } from '../../test/support/auth-world.ts'
import type { DomainError } from '../domain/error.ts'
import type { MembershipChange } from './change-membership.ts'
import type { Asker } from './deps.ts'
import { doerOf, OPERATOR } from './deps.ts'

// What somebody could do is over when they may no longer do it: the links they made and kept do not bring them back.

const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )

const ENDS: readonly { name: string; change: Omit<MembershipChange, 'contractId' | 'userId'> | null; want: string }[] =
  [
    { name: 'who was removed', change: null, want: 'not_found' },
    { name: 'who is a member now', change: { role: 'member' }, want: 'not_found' },
    { name: 'an owner who is admin now', change: { role: 'admin' }, want: 'not_found' },
    { name: 'who was disabled', change: { disabled: true }, want: 'not_found' },
    { name: 'who manages registries now', change: { manageRegistry: true }, want: 'ok' },
  ]

for (const { name, change, want } of ENDS) {
  test(`redeemLink: invitations and resets by ${name}: ${want}`, async () => {
    await using world = await AuthWorld.open()
    const contractId = await world.contract()
    await world.user(contractId, 'root@example.com', { role: 'owner' })
    const eve = await world.user(contractId, 'eve@example.com', { role: 'owner' })
    const bob = { contractId, userId: await world.user(contractId, 'bob@example.com') }
    const authorization = `Bearer ${await world.session(contractId, 'eve@example.com')}`
    const person = await world.auth.authenticatePerson({ authorization, address: ADDRESS }, null)
    const asker: Asker = { person, address: ADDRESS }
    const asked = { contractId, email: 'eve2@example.com', role: 'owner', manageRegistry: true } as const
    const { secret: invitation } = await world.accounts.createInvitation(asked, doerOf(asker))
    const { secret: reset } = await world.accounts.createResetLink(bob, doerOf(asker))
    const whom = { contractId, userId: eve }
    if (change === null) await world.accounts.removeMembership(whom, OPERATOR)
    else await world.accounts.changeMembership({ ...whom, ...change }, OPERATOR)
    const redeem = (secret: string) =>
      kindOf(world.accounts.redeemLink({ secret, password: 'a new one entirely', person: null, address: ADDRESS }))
    assert.deepEqual([await redeem(invitation), await redeem(reset)], [want, want])
  })
}
