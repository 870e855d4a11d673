import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import type { DomainError } from '../domain/error.ts'

const world = await AuthWorld.open()
const [one, two, three] = [await world.contract('one'), await world.contract('two'), await world.contract('three')]
const shown: Record<string, string | undefined> = {}
let suspended = 0

before(async () => {
  suspended = await world.contract('suspended')
  await world.user(two, 'ann@example.com', { password: 'correct horse', role: 'owner' })
  await world.user(one, 'ann@example.com', { role: 'member', manageRegistry: true, linkExisting: true })
  await world.user(suspended, 'sue@example.com', { password: 'correct horse', role: 'owner' })
  const token = await world.token(await world.registry(two, 'acme'), 'ci', [])
  const key = await world.apiKey(two, 'ann@example.com', { readOnly: true })
  const asked = { authorization: basic('ann@example.com', 'correct horse'), address: ADDRESS, service: 'entrepot' }
  const issued = await world.auth.issueToken({ ...asked, scopes: [], grant: null, offline: true })
  Object.assign(shown, {
    password: asked.authorization,
    'an API key': `Bearer ${key.text}`,
    'an API key as password': basic('ann@example.com', key.text),
    'a session': `Bearer ${await world.session(two, 'ann@example.com')}`,
    'somebody of a suspended contract': basic('sue@example.com', 'correct horse'),
    'a wrong password': basic('ann@example.com', 'wrong horse'),
    'a registry token': basic('ci', token.password),
    'a registry token as bearer': `Bearer ${token.password}`,
    'a docker bearer token': `Bearer ${issued.token}`,
    'a refresh token': `Bearer ${issued.refreshToken}`,
  })
  await world.accounts.setContractState({ contractId: suspended, state: 'suspended' }, OPERATOR)
})
after(() => world[Symbol.asyncDispose]())

const ask = (name: string, number: number | null) =>
  world.auth.authenticatePerson({ authorization: shown[name], address: ADDRESS }, number)

const accepted = [
  { name: 'password', number: null, want: { kind: 'user', contractId: one, role: 'member', manageRegistry: true } },
  { name: 'password', number: one, want: { kind: 'user', contractId: one, role: 'member', manageRegistry: true } },
  { name: 'password', number: two, want: { kind: 'user', contractId: two, role: 'owner', manageRegistry: false } },
  { name: 'an API key', number: null, want: { kind: 'api_key', contractId: two, role: 'owner', readOnly: true } },
  { name: 'an API key', number: two, want: { kind: 'api_key', contractId: two } },
  { name: 'an API key as password', number: null, want: { kind: 'api_key', contractId: two } },
  { name: 'a session', number: null, want: { kind: 'user', contractId: two, role: 'owner' } },
  { name: 'a session', number: one, want: { kind: 'user', contractId: one, role: 'member' } },
]
for (const { name, number, want } of accepted) {
  test(`authenticatePerson: ${name}, contract ${number ?? 'not said'}`, async () => {
    const principal = await ask(name, number)
    assert.deepEqual({ ...principal, ...want }, principal)
  })
}

const refused = [
  'a wrong password',
  'a registry token',
  'a registry token as bearer',
  'a docker bearer token',
  'a refresh token',
  'somebody of a suspended contract',
  'nothing at all',
]
for (const name of refused) {
  test(`authenticatePerson: ${name} is nobody`, async () => {
    await assert.rejects(ask(name, null), { kind: 'unauthenticated' })
  })
}

test('authenticatePerson: foreign, suspended and absent contracts read the same', async () => {
  for (const name of ['password', 'an API key', 'a session']) {
    for (const number of [three, suspended, 999, name === 'an API key' ? one : 0]) {
      const message = `contract ${number} is not one of yours`
      await assert.rejects(ask(name, number), { kind: 'denied', message })
    }
  }
})

test('authenticatePerson: a session ends with its time', async () => {
  world.clock += 86_400_000
  await assert.rejects(ask('a session', null), { kind: 'unauthenticated' })
})

test('authenticatePerson: without a database it is 503, not 401', async () => {
  const node = await world.node()
  Object.defineProperty(node.metadata, 'read', {
    value: () => Promise.reject(Object.assign(new Error('gone'), { kind: 'unavailable' })),
  })
  const asked = node.auth.authenticatePerson({ authorization: shown['password'], address: ADDRESS }, null)
  await assert.rejects(asked, (error: DomainError) => error.kind === 'unavailable')
})
