import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'

test('flush: writes the last use of secrets, keys and sessions; a request itself writes nothing', async () => {
  await using world = await AuthWorld.open()
  const contract = await world.contract()
  const token = await world.token(await world.registry(contract, 'acme'), 'ci', [])
  await world.user(contract, 'ann@example.com', { role: 'owner' })
  const key = await world.apiKey(contract, 'ann@example.com')
  const session = await world.session(contract, 'ann@example.com')
  const { metadata } = world.first
  const used = async () =>
    await metadata.read(async (sql) => [
      await sql.get`SELECT last_used_at, last_used_from FROM registry_token_secrets`,
      await sql.get`SELECT last_used_at, last_used_from FROM api_keys`,
      await sql.get`SELECT last_used_at, address AS last_used_from FROM sessions`,
    ])
  const before = await used()
  const admit = (address: string) =>
    world.auth.admit({ authorization: basic('ci', token.password), address, service: 'entrepot' }, { kind: 'ping' })
  world.clock += 1000
  await admit('192.0.2.1')
  await world.auth.authenticatePerson({ authorization: `Bearer ${key.text}`, address: ADDRESS }, null)
  await world.auth.authenticatePerson({ authorization: `Bearer ${session}`, address: ADDRESS }, null)
  world.clock += 1000
  await admit('192.0.2.2')
  assert.deepEqual(await used(), before)
  await world.auth.flush()
  const row = (last_used_at: number, last_used_from: string) => ({ last_used_at, last_used_from })
  assert.deepEqual(
    (await used()).map((found) => ({ ...(found as object) })),
    [row(world.clock, '192.0.2.2'), row(world.clock - 1000, ADDRESS), row(world.clock - 1000, ADDRESS)],
  )
})

test('flush: what could not be written is written the next time, and an older use never overwrites a later one', async () => {
  await using world = await AuthWorld.open()
  const registry = await world.registry(await world.contract(), 'acme')
  const token = await world.token(registry, 'ci', [])
  const other = await world.node()
  const credentials = { authorization: basic('ci', token.password), address: '192.0.2.1', service: 'entrepot' }
  await other.auth.admit(credentials, { kind: 'ping' })
  const transact = other.metadata.transact
  Object.defineProperty(other.metadata, 'transact', {
    value: () => Promise.reject(new Error('down')),
    configurable: true,
  })
  await assert.rejects(other.auth.flush(), /down/)
  Object.defineProperty(other.metadata, 'transact', { value: transact.bind(other.metadata) })
  world.clock += 1000
  await world.auth.admit({ ...credentials, address: '192.0.2.9' }, { kind: 'ping' })
  await world.auth.flush()
  await other.auth.flush()
  const row = await other.metadata.read(
    (sql) => sql.get<{ last_used_from: string }>`SELECT * FROM registry_token_secrets`,
  )
  assert.equal(row?.last_used_from, '192.0.2.9')
})
