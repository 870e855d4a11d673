import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld } from '../../test/support/auth-world.ts'
import type { DomainError } from '../domain/error.ts'
import type { Asker, Doer } from './deps.ts'
import { OPERATOR } from './deps.ts'

// The installation is above its customers: no contract's owner, admin or identity provider comes to be an operator.

const BOB = 'bob@example.com'
const EVE: Doer = { label: 'eve@example.com', address: ADDRESS, role: 'owner' }

const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )

async function openWithMember() {
  const world = await AuthWorld.open()
  const contractId = await world.contract()
  await world.user(contractId, 'eve@example.com', { role: 'owner' })
  const userId = await world.user(contractId, BOB, { role: 'admin' })
  const whom = { contractId, userId }
  const mark = (isOperator: boolean) => world.accounts.setOperator({ email: BOB, isOperator }, OPERATOR)
  const asker = async (secret: string): Promise<Asker> => {
    const authorization = `Bearer ${secret}`
    const person = await world.auth.authenticatePerson({ authorization, address: ADDRESS }, null)
    return { person, address: ADDRESS }
  }
  return { world, whom, mark, asker, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

test('createResetLink: an owner makes none for an operator, another operator does', async () => {
  await using scene = await openWithMember()
  await scene.mark(true)
  const { accounts } = scene.world
  await assert.rejects(accounts.createResetLink(scene.whom, EVE), {
    kind: 'denied',
    message: /only bob@example.com or/,
  })
  const password = 'a new one entirely'
  assert.equal(await kindOf(accounts.setPassword({ ...scene.whom, password }, EVE)), 'denied')
  assert.equal(await kindOf(accounts.createResetLink(scene.whom, OPERATOR)), 'ok')
})

test("redeemLink: an owner's link stops when its person becomes an operator", async () => {
  await using scene = await openWithMember()
  const { accounts } = scene.world
  const { secret } = await accounts.createResetLink(scene.whom, EVE)
  await scene.mark(true)
  const asked = { secret, password: 'a new one entirely', person: null, address: ADDRESS }
  assert.equal(await kindOf(accounts.redeemLink(asked)), 'not_found')
})

const KEY = { expiresAt: null, readOnly: false, registries: null, actions: null }

test("createApiKey: made in a session of single sign-on a key is no operator's, nor is one made with it", async () => {
  await using scene = await openWithMember()
  const { world, whom, asker } = scene
  const make = async (by: Asker, name: string) => (await world.accounts.createApiKey({ ...KEY, name }, by)).secret
  const isOperator = async (secret: string) => (await asker(secret)).person.isOperator
  const first = await make(await asker(await world.session(whom.contractId, BOB, { bound: true })), 'before')
  await scene.mark(true)
  const second = await make(await asker(await world.session(whom.contractId, BOB, { bound: true })), 'after')
  const third = await make(await asker(second), 'by key')
  const own = await make(await asker(await world.session(whom.contractId, BOB)), 'own')
  const seen = [await isOperator(first), await isOperator(second), await isOperator(third), await isOperator(own)]
  assert.deepEqual(seen, [false, false, false, true])
})

test('createApiKey: a key that was revoked meanwhile makes none', async () => {
  await using scene = await openWithMember()
  const { accounts } = scene.world
  const session = await scene.asker(await scene.world.session(scene.whom.contractId, BOB))
  const { key, secret } = await accounts.createApiKey({ ...KEY, name: 'one' }, session)
  const withKey = await scene.asker(secret)
  await accounts.revokeApiKey(key.id, session)
  assert.equal(await kindOf(accounts.createApiKey({ ...KEY, name: 'two' }, withKey)), 'denied')
})

test("setOperator: who is none any more leaves no links behind that an operator's", async () => {
  await using scene = await openWithMember()
  const { world } = scene
  const other = await world.contract()
  const ann = { contractId: other, userId: await world.user(other, 'ann@example.com', { role: 'owner' }) }
  await scene.mark(true)
  const { person } = await scene.asker(await world.session(scene.whom.contractId, BOB))
  const doer: Doer = { label: BOB, address: ADDRESS, role: 'operator', identityId: person.identityId }
  const { secret } = await world.accounts.createResetLink(ann, doer)
  await scene.mark(false)
  const asked = { secret, password: 'a new one entirely', person: null, address: ADDRESS }
  assert.equal(await kindOf(world.accounts.redeemLink(asked)), 'not_found')
})

test("changeContract: of the operators' two last contracts one stays open, also when both are suspended at once", async () => {
  await using world = await AuthWorld.open()
  const nodes = [world.first, await world.node()]
  const contracts = [await world.contract(), await world.contract()]
  for (const [at, contractId] of contracts.entries()) {
    const email = `operator${at}@example.com`
    await world.user(contractId, email)
    await world.accounts.setOperator({ email, isOperator: true }, OPERATOR)
  }
  for (let round = 0; round < 5; round += 1) {
    const suspend = (contractId: number, at: number) =>
      kindOf((nodes[at] ?? world.first).accounts.changeContract({ contractId, state: 'suspended' }, OPERATOR))
    assert.deepEqual((await Promise.all(contracts.map(suspend))).sort(), ['conflict', 'ok'])
    for (const contractId of contracts) await world.accounts.changeContract({ contractId, state: 'active' }, OPERATOR)
  }
})
