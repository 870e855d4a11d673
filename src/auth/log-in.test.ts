import assert from 'node:assert/strict'
import { argon2Sync } from 'node:crypto'
import { test } from 'node:test'
import type { Node } from '../../test/support/auth-world.ts'
import { ADDRESS, AuthWorld } from '../../test/support/auth-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import type { DomainError } from '../domain/error.ts'

const ANN = 'ann@example.com'
const HOUR = 3_600_000

const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )
const uses = ({ auth }: Node, session: string, contract: number | null = null) =>
  kindOf(auth.authenticatePerson({ authorization: `Bearer ${session}`, address: ADDRESS }, contract))
const logsIn = ({ auth }: Node, password: string, contract: number | null = null) =>
  kindOf(auth.logIn({ email: ANN, password, address: ADDRESS }, contract))

test('logIn: by password alone, into the contract that is named', async () => {
  await using world = await AuthWorld.open()
  const [one, two, three] = [await world.contract(), await world.contract(), await world.contract()]
  await world.user(two, ANN, { password: 'correct horse', role: 'owner' })
  await world.user(one, ANN, { linkExisting: true })
  const key = await world.apiKey(two, ANN)
  const person = await world.auth.logIn(
    { email: ' ANN@example.com'.trim(), password: 'correct horse', address: ADDRESS },
    two,
  )
  assert.deepEqual([person.kind, person.contractId, person.role, person.session], ['user', two, 'owner', null])
  assert.equal(await logsIn(world.first, 'correct horse', three), 'denied')
  assert.equal(await logsIn(world.first, 'wrong horse'), 'unauthenticated')
  assert.equal(await logsIn(world.first, key.text), 'unauthenticated')
})

test('logIn: a password that was right a minute ago and was changed meanwhile is wrong', async () => {
  await using world = await AuthWorld.open()
  const userId = await world.user(await world.contract(), ANN, { password: 'correct horse' })
  assert.equal(await logsIn(world.first, 'correct horse'), 'ok')
  await world.accounts.setPassword({ userId, password: 'battery staple', contractId: null }, OPERATOR)
  assert.equal(await logsIn(world.first, 'correct horse'), 'unauthenticated')
  assert.equal(await logsIn(world.first, 'battery staple'), 'ok')
})

test('provePassword: also for who is a member of nothing any more', async () => {
  await using world = await AuthWorld.open()
  const contract = await world.contract()
  await world.user(contract, ANN, { password: 'correct horse' })
  await world.change((sql) => sql.run`DELETE FROM memberships`)
  const prove = (password: string) => world.auth.provePassword({ email: ANN, password, address: ADDRESS })
  assert.equal((await prove('correct horse')).passwordVersion, 1)
  assert.equal(await kindOf(prove('wrong horse')), 'unauthenticated')
  assert.equal(await logsIn(world.first, 'correct horse'), 'unauthenticated')
})

test('logIn: a hash of older parameters becomes one of today, and what was made with it stands', async () => {
  await using world = await AuthWorld.open()
  await world.user(await world.contract(), ANN, { password: 'correct horse' })
  const salt = Buffer.alloc(16, 7)
  const asked = {
    message: Buffer.from('correct horse'),
    nonce: salt,
    parallelism: 1,
    tagLength: 32,
    memory: 4096,
    passes: 1,
  }
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  const older = `$argon2id$v=19$m=4096,t=1,p=1$${unpadded(salt)}$${unpadded(argon2Sync('argon2id', asked))}`
  await world.change((sql) => sql.run`UPDATE identities SET password_hash = ${older}`)
  const stored = () =>
    world.transact(
      (sql) => sql.get<{ hash: string; version: number }>`
      SELECT password_hash AS hash, password_version AS version FROM identities`,
    )
  assert.equal(await logsIn(world.first, 'wrong horse'), 'unauthenticated')
  assert.equal((await stored())?.hash, older)
  assert.equal(await logsIn(world.first, 'correct horse'), 'ok')
  const renewed = await stored()
  assert.match(renewed?.hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.equal(renewed?.version, 1)
  assert.equal(await logsIn(world.first, 'correct horse'), 'ok')
  assert.equal((await stored())?.hash, renewed?.hash)
})

test('sessions: idle for twelve hours is over; use through any process counts', async () => {
  await using world = await AuthWorld.open()
  const there = await world.node()
  const contract = await world.contract()
  await world.user(contract, ANN)
  const session = await world.session(contract, ANN)
  assert.deepEqual([await uses(world.first, session), await uses(there, session)], ['ok', 'ok'])
  world.clock += 8 * HOUR
  assert.equal(await uses(there, session), 'ok')
  await there.auth.flush()
  world.clock += 8 * HOUR
  assert.equal(await uses(world.first, session), 'ok')
  await world.first.auth.flush()
  world.clock += 12 * HOUR
  assert.deepEqual(
    [await uses(there, session), await uses(world.first, session)],
    ['unauthenticated', 'unauthenticated'],
  )
})

test('sessions: over at their end, however busy', async () => {
  await using world = await AuthWorld.open()
  const contract = await world.contract()
  await world.user(contract, ANN)
  const session = await world.session(contract, ANN)
  for (let hour = 0; hour < 24; hour += 6) {
    assert.equal(await uses(world.first, session), 'ok')
    world.clock += 6 * HOUR
  }
  assert.equal(await uses(world.first, session), 'unauthenticated')
})

test('sessions: one made by single sign-on opens its own contract, and makes nobody an operator', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  await world.user(one, ANN)
  await world.user(two, ANN, { linkExisting: true })
  await world.change((sql) => sql.run`UPDATE identities SET is_operator = 1`)
  const [free, bound] = [await world.session(two, ANN), await world.session(two, ANN, { bound: true })]
  assert.deepEqual([await uses(world.first, free, one), await uses(world.first, free, two)], ['ok', 'ok'])
  assert.deepEqual([await uses(world.first, bound, one), await uses(world.first, bound, two)], ['denied', 'ok'])
  const operates = async (session: string) => {
    const credentials = { authorization: `Bearer ${session}`, address: ADDRESS }
    return (await world.auth.authenticatePerson(credentials, null)).isOperator
  }
  assert.deepEqual([await operates(free), await operates(bound)], [true, false])
})
