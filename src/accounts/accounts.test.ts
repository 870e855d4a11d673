import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import type { DomainError } from '../domain/error.ts'
import { OPERATOR } from './deps.ts'

const logsIn = (world: AuthWorld, email: string, password: string) =>
  world.auth.authenticatePerson({ authorization: basic(email, password), address: ADDRESS }, null).then(
    ({ contractId, kind }) => ({ contractId, kind }),
    (error: DomainError) => error.kind,
  )
const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )

test('createFirstOwner: contract 1 and an owner with a generated password; of two processes one gets it', async () => {
  await using world = await AuthWorld.open()
  const nodes = await Promise.all([world.node(), world.node()])
  const input = { email: ' Root@Example.com ', password: null }
  const made = await Promise.all(nodes.map(({ accounts }) => accounts.createFirstOwner(input)))
  const [owner, none] = made.sort((a, b) => Number(a === null) - Number(b === null))
  assert.equal(none, null)
  assert.deepEqual([owner?.contractId, owner?.email], [1, 'root@example.com'])
  assert.match(owner?.generatedPassword ?? '', /^[2-9A-HJ-NP-Za-km-z]{20}$/)
  assert.deepEqual(await logsIn(world, 'root@example.com', owner?.generatedPassword ?? ''), {
    contractId: 1,
    kind: 'user',
  })
  assert.equal(await world.accounts.createFirstOwner(input), null)
})

test('createFirstOwner: a given password is used and not told again', async () => {
  await using world = await AuthWorld.open()
  const owner = await world.accounts.createFirstOwner({ email: 'root@example.com', password: 'correct horse' })
  assert.equal(owner?.generatedPassword, null)
  assert.deepEqual(await logsIn(world, 'root@example.com', 'correct horse'), { contractId: 1, kind: 'user' })
})

test('createFirstOwner: bad input leaves nothing behind', async () => {
  await using world = await AuthWorld.open()
  assert.equal(await kindOf(world.accounts.createFirstOwner({ email: 'root', password: null })), 'input_invalid')
  assert.equal(await kindOf(world.accounts.createFirstOwner({ email: 'a@b', password: 'short' })), 'input_invalid')
  assert.equal((await world.accounts.createFirstOwner({ email: 'a@b', password: null }))?.contractId, 1)
})

const passwords = [
  { name: 'nine characters', password: '123456789', want: /10 to 256 characters.*has 9/ },
  { name: 'ten characters', password: '1234567890', want: null },
  { name: 'ten characters beyond the basic plane', password: '🐴'.repeat(10), want: null },
  { name: 'nine such characters', password: '🐴'.repeat(9), want: /has 9/ },
  { name: 'endless', password: 'x'.repeat(257), want: /has 257/ },
]
for (const { name, password, want } of passwords) {
  test(`addUser: a password of ${name}`, async () => {
    await using world = await AuthWorld.open()
    const added = world.user(await world.contract(), 'ann@example.com', { password })
    if (want) await assert.rejects(added, { kind: 'input_invalid', message: want })
    else {
      await added
      assert.deepEqual(await logsIn(world, 'ann@example.com', password), { contractId: 1, kind: 'user' })
    }
  })
}

for (const email of [
  '',
  'ann',
  '@example.com',
  'ann@',
  'a b@c',
  'a:b@c',
  'a@b@c',
  'a\n@c',
  `${'a'.repeat(250)}@b.cd`,
]) {
  test(`addUser: "${email.slice(0, 20)}" is no e-mail address`, async () => {
    await using world = await AuthWorld.open()
    assert.equal(await kindOf(world.user(await world.contract(), email)), 'input_invalid')
  })
}

test('addUser: without a password nobody logs in with one', async () => {
  await using world = await AuthWorld.open()
  await world.user(await world.contract(), 'ann@example.com')
  for (const password of ['', 'null', 'correct horse']) {
    assert.equal(await logsIn(world, 'ann@example.com', password), 'unauthenticated')
  }
})

test('addUser: unknown contracts, second additions and addresses of others are refused', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  await world.user(one, 'ann@example.com')
  assert.equal(await kindOf(world.user(99, 'bob@example.com')), 'not_found')
  assert.equal(await kindOf(world.user(one, 'ANN@example.com', { linkExisting: true })), 'conflict')
  assert.equal(await kindOf(world.user(two, 'ann@example.com', { password: 'chosen by another' })), 'conflict')
})

test('addUser: the operator may link a person, whose password stays', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  const userId = await world.user(one, 'ann@example.com', { password: 'correct horse' })
  assert.equal(await world.user(two, 'ann@example.com', { password: 'battery staple', linkExisting: true }), userId)
  assert.equal(await logsIn(world, 'ann@example.com', 'battery staple'), 'unauthenticated')
  assert.deepEqual(await logsIn(world, 'ann@example.com', 'correct horse'), { contractId: one, kind: 'user' })
})

test('setPassword: an administrator of one contract cannot reach into another', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  const sole = await world.user(one, 'sole@example.com', { password: 'correct horse' })
  const shared = await world.user(one, 'shared@example.com', { password: 'correct horse' })
  await world.user(two, 'shared@example.com', { linkExisting: true })
  const set = (userId: string, contractId: number | null) =>
    kindOf(world.accounts.setPassword({ userId, password: 'battery staple', contractId }, OPERATOR))
  assert.equal(await set(sole, one), 'ok')
  assert.equal(await set(sole, two), 'not_found')
  assert.equal(await set('nobody', two), 'not_found')
  assert.equal(await set(shared, one), 'denied')
  assert.deepEqual(await logsIn(world, 'shared@example.com', 'correct horse'), { contractId: one, kind: 'user' })
  assert.equal(await set(shared, null), 'ok')
  assert.deepEqual(await logsIn(world, 'shared@example.com', 'battery staple'), { contractId: one, kind: 'user' })
})

test('setPassword: ends the person’s sessions', async () => {
  await using world = await AuthWorld.open()
  const one = await world.contract()
  const userId = await world.user(one, 'ann@example.com', { password: 'correct horse' })
  const authorization = `Bearer ${await world.session(one, 'ann@example.com')}`
  const ask = () => kindOf(world.auth.authenticatePerson({ authorization, address: ADDRESS }, null))
  assert.equal(await ask(), 'ok')
  await world.accounts.setPassword({ userId, password: 'battery staple', contractId: null }, OPERATOR)
  assert.equal(await ask(), 'unauthenticated')
})

test('removeMembership: of this contract only, with its keys; the last owner stays', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  const ann = await world.user(one, 'ann@example.com', { password: 'correct horse', role: 'owner' })
  await world.user(two, 'ann@example.com', { role: 'admin', linkExisting: true })
  const keys = [await world.apiKey(one, 'ann@example.com'), await world.apiKey(two, 'ann@example.com')]
  const uses = () =>
    Promise.all(
      keys.map(({ text }) =>
        kindOf(world.auth.authenticatePerson({ authorization: `Bearer ${text}`, address: ADDRESS }, null)),
      ),
    )
  const remove = () => kindOf(world.accounts.removeMembership({ contractId: one, userId: ann }, OPERATOR))
  assert.equal(await remove(), 'conflict')
  await world.user(one, 'bob@example.com', { role: 'owner' })
  assert.deepEqual(await uses(), ['ok', 'ok'])
  assert.equal(await remove(), 'ok')
  assert.equal(await remove(), 'not_found')
  assert.deepEqual(await uses(), ['unauthenticated', 'ok'])
  assert.deepEqual(await logsIn(world, 'ann@example.com', 'correct horse'), { contractId: two, kind: 'user' })
})

test('listUsers: those of the contract by e-mail, and nothing of others', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  await world.user(one, 'bob@example.com', { role: 'admin' })
  await world.user(one, 'ann@example.com', { manageRegistry: true })
  await world.user(two, 'eve@example.com')
  const users = await world.accounts.listUsers(one)
  assert.deepEqual(
    users.map(({ email, role, manageRegistry }) => [email, role, manageRegistry]),
    [
      ['ann@example.com', 'member', true],
      ['bob@example.com', 'admin', false],
    ],
  )
  assert.ok(!JSON.stringify(users).includes('argon2'))
})

test('accounts: what changes something is audited, without passwords', async () => {
  await using world = await AuthWorld.open()
  const one = await world.contract('Acme')
  const userId = await world.user(one, 'ann@example.com', { password: 'correct horse', role: 'owner' })
  await world.user(one, 'bob@example.com', { role: 'owner' })
  await world.accounts.setPassword(
    { userId, password: 'battery staple', contractId: one },
    { label: 'x', address: ADDRESS, role: 'owner' },
  )
  await world.accounts.removeMembership({ contractId: one, userId }, OPERATOR)
  await world.accounts.setContractState({ contractId: one, state: 'suspended' }, OPERATOR)
  const rows = await world.transact((sql) => sql.all<{ action: string }>`SELECT * FROM audit_events ORDER BY id`)
  assert.deepEqual(
    rows.map(({ action }) => action),
    ['contract.create', 'user.add', 'user.add', 'user.set-password', 'user.remove', 'contract.suspend'],
  )
  assert.doesNotMatch(JSON.stringify(rows), /correct horse|battery staple|argon2/)
})
