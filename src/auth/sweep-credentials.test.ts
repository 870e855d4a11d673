import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { removeLongExpiredTokens, removeSpentCredentials } from './sweep-credentials.ts'

const DAY_MS = 86_400_000

test('removeLongExpiredTokens: 30 days after their expiry tokens are gone, their names free, and the audit says why', async () => {
  await using world = await AuthWorld.open()
  const registry = await world.registry(await world.contract(), 'acme')
  await world.token(registry, 'old', [], world.clock)
  await world.token(registry, 'newer', [], world.clock + DAY_MS)
  await world.token(registry, 'never', [])
  const names = () =>
    world.transact(
      (sql) => sql.all<{ name: string }>`SELECT name FROM registry_tokens WHERE deleted_at IS NULL ORDER BY name`,
    )
  world.clock += 30 * DAY_MS - 1_000
  assert.equal(await world.transact(removeLongExpiredTokens), 0)
  world.clock += 2_000
  assert.equal(await world.transact(removeLongExpiredTokens), 1)
  assert.deepEqual(
    (await names()).map(({ name }) => name),
    ['never', 'newer'],
  )
  await world.token(registry, 'old', [])
  const told = await world.transact(
    (sql) => sql.all<{ subject: string }>`
    SELECT subject FROM audit_events WHERE action = 'token.delete'`,
  )
  assert.deepEqual(
    told.map(({ subject }) => subject),
    ['acme/old'],
  )
})

test('removeSpentCredentials: sessions, refresh tokens and failures whose time is over', async () => {
  await using world = await AuthWorld.open()
  const contract = await world.contract()
  await world.user(contract, 'ann@example.com', { password: 'correct horse' })
  const request = { authorization: basic('ann@example.com', 'correct horse'), address: ADDRESS, service: 'entrepot' }
  await world.auth.issueToken({ ...request, scopes: [], grant: null, offline: true })
  await world.session(contract, 'ann@example.com')
  const wrong = { ...request, authorization: basic('ann@example.com', 'wrong horse') }
  await assert.rejects(world.auth.admit(wrong, { kind: 'ping' }))
  assert.equal(await world.transact(removeSpentCredentials), 0)
  world.clock += DAY_MS + 1_000
  assert.equal(await world.transact(removeSpentCredentials), 2)
  world.clock += 89 * DAY_MS
  assert.equal(await world.transact(removeSpentCredentials), 1)
})
