import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { AuthWorld, Node } from '../../test/support/auth-world.ts'
import { ADDRESS, basic, AuthWorld as World } from '../../test/support/auth-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import { DomainError } from '../domain/error.ts'
import type { Action } from '../domain/permission.ts'
import { parseRepositoryName } from '../domain/repository-name.ts'

// Two processes on one file: what one takes away, the other one no longer gives, however warm its caches are.

const ALL = [{ type: 'repository', name: '*', actions: ['*'] }]

interface Scene {
  readonly world: AuthWorld
  readonly here: Node
  readonly there: Node
  readonly contract: number
  readonly acme: number
}

async function scene(): Promise<Scene & AsyncDisposable> {
  const world = await World.open()
  const there = await world.node()
  const contract = await world.contract()
  const acme = await world.registry(contract, 'acme')
  const dispose = () => world[Symbol.asyncDispose]()
  return { world, here: world.first, there, contract, acme, [Symbol.asyncDispose]: dispose }
}

async function outcome({ auth }: Node, authorization: string, action: Action = 'pull', service = 'entrepot') {
  const target = { kind: 'repository', registry: 'acme', repository: parseRepositoryName('app'), action } as const
  try {
    await auth.admit({ authorization, address: ADDRESS, service }, target)
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    return error.kind
  }
}

async function bearerOf({ auth }: Node, authorization: string): Promise<string> {
  const scopes = ['repository:acme/app:pull,push']
  const asked = { authorization, address: ADDRESS, service: 'entrepot', scopes, grant: null, offline: false }
  return `Bearer ${(await auth.issueToken(asked)).token}`
}

const ends = [
  { name: 'a disabled token', act: ({ world }: Scene, id: number) => world.disableToken(id), want: 'unauthenticated' },
  { name: 'a deleted token', act: ({ world }: Scene, id: number) => world.deleteToken(id), want: 'unauthenticated' },
  {
    name: 'a revoked secret',
    act: ({ world }: Scene, id: number) =>
      world.change((sql) => sql.run`UPDATE registry_token_secrets SET revoked_at = ${1} WHERE token_id = ${id}`),
    want: 'unauthenticated',
  },
  {
    name: 'an expiry brought forward',
    act: ({ world }: Scene, id: number) =>
      world.change((sql) => sql.run`UPDATE registry_tokens SET expires_at = ${world.clock} WHERE id = ${id}`),
    want: 'unauthenticated',
  },
  { name: 'no scopes any more', act: ({ world }: Scene, id: number) => world.setScopes(id, []), want: 'lacks' },
  {
    name: 'another allow list',
    act: ({ world, acme }: Scene) => world.setAllowList(acme, ['192.0.2.0/24']),
    want: 'denied',
  },
  { name: 'a deleted registry', act: ({ world, acme }: Scene) => world.deleteRegistry(acme), want: 'unauthenticated' },
  {
    name: 'a suspended contract',
    act: ({ world, contract }: Scene) =>
      world.accounts.setContractState({ contractId: contract, state: 'suspended' }, OPERATOR),
    want: 'unauthenticated',
  },
]
for (const { name, act, want } of ends) {
  test(`admit: ${name} holds at once in every process, for Basic and for bearer tokens`, async () => {
    await using given = await scene()
    const token = await given.world.token(given.acme, 'ci', ALL)
    const asBasic = basic('ci', token.password)
    const asBearer = await bearerOf(given.here, asBasic)
    for (const node of [given.here, given.there]) {
      for (const header of [asBasic, asBearer]) assert.equal(await outcome(node, header), 'ok')
    }
    await act(given, token.id)
    for (const node of [given.here, given.there]) {
      assert.equal(await outcome(node, asBasic), want === 'lacks' ? 'denied' : want)
      assert.equal(await outcome(node, asBearer), want === 'lacks' ? 'insufficient_scope' : want)
    }
  })
}

test('admit: what was disabled works again once enabled', async () => {
  await using given = await scene()
  const token = await given.world.token(given.acme, 'ci', ALL)
  const header = basic('ci', token.password)
  await given.world.disableToken(token.id)
  assert.equal(await outcome(given.there, header), 'unauthenticated')
  await given.world.enableToken(token.id)
  assert.equal(await outcome(given.there, header), 'ok')
})

test('admit: a token expires between two requests, without any change', async () => {
  await using given = await scene()
  const { world, here } = given
  const token = await world.token(given.acme, 'ci', ALL, world.clock + 1000)
  const [asBasic, asBearer] = [basic('ci', token.password), await bearerOf(here, basic('ci', token.password))]
  assert.deepEqual([await outcome(here, asBasic), await outcome(here, asBearer)], ['ok', 'ok'])
  world.clock += 1000
  assert.deepEqual(
    [await outcome(here, asBasic), await outcome(here, asBearer)],
    ['unauthenticated', 'unauthenticated'],
  )
})

test('admit: a registry made after the first question is found, its successor has its own tokens', async () => {
  await using given = await scene()
  const { world, here } = given
  await world.user(given.contract, 'ann@example.com', { password: 'correct horse', role: 'owner' })
  const header = basic('ann@example.com', 'correct horse')
  const ask = async () => {
    const target = {
      kind: 'repository',
      registry: 'later',
      repository: parseRepositoryName('app'),
      action: 'pull',
    } as const
    const asked = here.auth.admit({ authorization: header, address: ADDRESS, service: 'entrepot' }, target)
    return asked.then(
      ({ registry }) => registry?.id,
      (error: DomainError) => error.kind,
    )
  }
  assert.equal(await ask(), 'denied')
  const first = await world.registry(given.contract, 'later')
  assert.equal(await ask(), first)
  await world.deleteRegistry(first)
  assert.equal(await ask(), 'denied')
  const second = await world.registry(given.contract, 'later')
  assert.equal(await ask(), second)
})

const person = 'bob@example.com'
const personEnds = [
  {
    name: 'a changed password',
    act: async ({ world }: Scene, userId: string) =>
      world.accounts.setPassword({ userId, password: 'battery staple', contractId: null }, OPERATOR),
  },
  {
    name: 'a removed membership',
    act: async ({ world, contract }: Scene, userId: string) =>
      world.accounts.removeMembership({ contractId: contract, userId }, OPERATOR),
  },
  {
    name: 'a disabled membership',
    act: async ({ world }: Scene) => world.change((sql) => sql.run`UPDATE memberships SET disabled_at = ${1}`),
  },
  {
    name: 'a disabled identity',
    act: async ({ world }: Scene) => world.change((sql) => sql.run`UPDATE identities SET disabled_at = ${1}`),
  },
]
for (const { name, act } of personEnds) {
  test(`admit: ${name} holds at once in every process`, async () => {
    await using given = await scene()
    const userId = await given.world.user(given.contract, person, { password: 'correct horse', role: 'admin' })
    const headers = [basic(person, 'correct horse')]
    headers.push(await bearerOf(given.here, headers[0] ?? ''))
    for (const node of [given.here, given.there]) {
      for (const header of headers) assert.equal(await outcome(node, header, 'push'), 'ok')
    }
    await act(given, userId)
    for (const node of [given.here, given.there]) {
      for (const header of headers) assert.equal(await outcome(node, header, 'push'), 'unauthenticated')
    }
  })
}

test('admit: a role taken away leaves pulling', async () => {
  await using given = await scene()
  await given.world.user(given.contract, person, { password: 'correct horse', role: 'admin' })
  const header = basic(person, 'correct horse')
  assert.equal(await outcome(given.there, header, 'push'), 'ok')
  await given.world.change((sql) => sql.run`UPDATE memberships SET role = ${'member'}`)
  assert.deepEqual([await outcome(given.there, header, 'push'), await outcome(given.there, header)], ['denied', 'ok'])
})

test('admit: the former password works again once it is set again', async () => {
  await using given = await scene()
  const userId = await given.world.user(given.contract, person, { password: 'correct horse' })
  const header = basic(person, 'correct horse')
  assert.equal(await outcome(given.here, header), 'ok')
  const set = (password: string) => given.world.accounts.setPassword({ userId, password, contractId: null }, OPERATOR)
  await set('battery staple')
  assert.equal(await outcome(given.here, header), 'unauthenticated')
  await set('correct horse')
  assert.equal(await outcome(given.here, header), 'ok')
})

const keyEnds = [
  { name: 'revoked', change: 'revoked_at = 1' },
  { name: 'expired', change: 'expires_at = 1' },
]
for (const { name, change } of keyEnds) {
  test(`admit: an API key that is ${name} stops at once`, async () => {
    await using given = await scene()
    await given.world.user(given.contract, person, { role: 'owner' })
    const header = basic(person, (await given.world.apiKey(given.contract, person)).text)
    assert.equal(await outcome(given.there, header), 'ok')
    await given.world.change((sql) => sql.run([`UPDATE api_keys SET ${change}`] as unknown as TemplateStringsArray))
    assert.equal(await outcome(given.there, header), 'unauthenticated')
  })
}

test('admit: requests that meet a change all get the new answer, whoever reads first', async () => {
  await using given = await scene()
  const token = await given.world.token(given.acme, 'ci', ALL)
  const header = basic('ci', token.password)
  for (let round = 0; round < 20; round++) {
    const before = [outcome(given.there, header), outcome(given.there, header)]
    await given.world.disableToken(token.id)
    const after = Array.from({ length: 10 }, () => outcome(given.there, header))
    await Promise.all(before)
    assert.deepEqual(
      await Promise.all(after),
      Array.from({ length: 10 }, () => 'unauthenticated'),
    )
    await given.world.enableToken(token.id)
    assert.equal(await outcome(given.there, header), 'ok')
  }
})

test('admit: 503 while the epoch cannot be read, but 401 without credentials', async () => {
  await using given = await scene()
  const token = await given.world.token(given.acme, 'ci', ALL)
  const header = basic('ci', token.password)
  assert.equal(await outcome(given.there, header), 'ok')
  const gone = () => {
    throw new DomainError('unavailable', 'the database cannot be reached')
  }
  Object.defineProperty(given.there.metadata, 'authEpoch', { value: gone })
  assert.equal(await outcome(given.there, header), 'unavailable')
  const nobody = given.there.auth.admit(
    { authorization: undefined, address: ADDRESS, service: 'entrepot' },
    { kind: 'ping' },
  )
  await assert.rejects(nobody, { kind: 'unauthenticated' })
})

test('admit: an expired bearer token continues its own upload, a revoked one does not', async () => {
  await using given = await scene()
  const { world, there } = given
  const token = await world.token(given.acme, 'ci', ALL)
  const authorization = await bearerOf(there, basic('ci', token.password))
  const target = {
    kind: 'repository',
    registry: 'acme',
    repository: parseRepositoryName('app'),
    action: 'push',
  } as const
  const ask = (options: { expiredBearer?: 'accept' }, service = 'entrepot') =>
    there.auth.admit({ authorization, address: ADDRESS, service }, target, options).then(
      () => 'ok',
      (error: DomainError) => error.kind,
    )
  world.clock += 30 * 60_000
  assert.equal(await ask({}), 'unauthenticated')
  assert.equal(await ask({ expiredBearer: 'accept' }), 'ok')
  assert.equal(await ask({ expiredBearer: 'accept' }, 'acme.cr.example'), 'unauthenticated')
  await world.setScopes(token.id, [{ type: 'repository', name: 'app', actions: ['pull'] }])
  assert.equal(await ask({ expiredBearer: 'accept' }), 'insufficient_scope')
  await world.setScopes(token.id, ALL)
  await world.setAllowList(given.acme, ['192.0.2.1'])
  assert.equal(await ask({ expiredBearer: 'accept' }), 'denied')
  await world.setAllowList(given.acme, [])
  assert.equal(await ask({ expiredBearer: 'accept' }), 'ok')
  await world.disableToken(token.id)
  assert.equal(await ask({ expiredBearer: 'accept' }), 'unauthenticated')
})

test('admit: a database that came back with an older epoch is believed', async () => {
  await using given = await scene()
  const { world, there } = given
  const token = await world.token(given.acme, 'ci', ALL)
  const header = basic('ci', token.password)
  await world.change((sql) => sql.run`UPDATE auth_epoch SET epoch = ${1000}`)
  assert.equal(await outcome(there, header), 'ok')
  await world.transact(async (sql) => {
    await sql.run`UPDATE registry_tokens SET status = ${'disabled'}`
    await sql.run`UPDATE auth_epoch SET epoch = ${500}`
  })
  while ((await there.metadata.authEpoch()) !== 500) await setTimeout(10) // PostgreSQL's is asked for now and then
  assert.equal(await outcome(there, header), 'unauthenticated')
})
