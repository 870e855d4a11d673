import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { audit } from './audit.ts'

const MINUTE_MS = 60_000
interface Row {
  readonly at: number
  readonly contract_id: number | null
  readonly registry_id: number | null
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly address: string
  readonly count: number
}

const refusedRows = (world: AuthWorld) =>
  world.transact(
    (sql) => sql.all<Row>`SELECT * FROM audit_events WHERE outcome = 'refused' ORDER BY at, subject, address`,
  )

test('audit: one row in the same transaction, or none when it is rolled back', async () => {
  await using world = await AuthWorld.open()
  const record = { contractId: 1, registryId: 2, actor: 'ann', action: 'token.create', subject: 'a/b', address: null }
  await world.transact((sql) => audit(sql, { ...record, detail: { id: 'x' } }))
  const rolledBack = world.transact(async (sql) => {
    await audit(sql, record)
    throw new Error('no')
  })
  await assert.rejects(rolledBack, /no/)
  const rows = await world.transact((sql) => sql.all<Row & { detail: string }>`SELECT * FROM audit_events`)
  assert.deepEqual(
    rows.map(({ at, contract_id, registry_id, actor, subject, detail }) => [
      at,
      contract_id,
      registry_id,
      actor,
      subject,
      detail,
    ]),
    [[world.clock, 1, 2, 'ann', 'a/b', '{"id":"x"}']],
  )
})

test('audit: text that strangers write is short and printable', async () => {
  await using world = await AuthWorld.open()
  const record = { contractId: null, registryId: null, action: 'x', address: null }
  await world.transact((sql) => audit(sql, { ...record, actor: `a\0b\u202ec\n`, subject: 'x'.repeat(5000) }))
  const [row] = await world.transact((sql) => sql.all<Row>`SELECT * FROM audit_events`)
  assert.equal(row?.actor, 'a\ufffdb\ufffdc\ufffd')
  assert.equal(row?.subject.length, 201)
})

test('refusals: counted per minute, address and subject, over all processes; no credentials are no failure', async () => {
  await using world = await AuthWorld.open()
  const registry = await world.registry(await world.contract(), 'acme')
  const token = await world.token(registry, 'ci', [])
  const other = await world.node()
  const ask = (node: typeof other, authorization: string | undefined, address = ADDRESS) =>
    assert.rejects(
      node.auth.admit({ authorization, address, service: 'entrepot' }, { kind: 'catalog', registry: 'acme' }),
    )
  world.clock = Math.ceil(world.clock / MINUTE_MS) * MINUTE_MS + 1000
  await ask(world.first, undefined)
  for (let time = 0; time < 3; time++) await ask(world.first, basic('ci', 'wrong'))
  await ask(other, basic('ci', 'wrong'))
  await ask(world.first, basic('ci', 'wrong'), '192.0.2.1')
  await ask(world.first, basic('ci', token.password))
  for (const node of [world.first, other]) await node.refusals.flush()
  await ask(world.first, basic('ci', 'wrong'))
  await world.first.refusals.flush()
  world.clock += MINUTE_MS
  await ask(world.first, basic('ci', 'wrong'))
  await world.first.refusals.flush()
  const minute = Math.floor(world.clock / MINUTE_MS) * MINUTE_MS
  assert.deepEqual(
    (await refusedRows(world)).map(({ at, address, actor, action, subject, contract_id, count }) => [
      (at - minute) / MINUTE_MS,
      address,
      actor,
      action,
      subject,
      contract_id,
      count,
    ]),
    [
      [-1, ADDRESS, 'token:ci', 'access.refused', 'acme', 1, 1],
      [-1, '192.0.2.1', 'unknown', 'login.refused', 'ci', null, 1],
      [-1, ADDRESS, 'unknown', 'login.refused', 'ci', null, 5],
      [0, ADDRESS, 'unknown', 'login.refused', 'ci', null, 1],
    ].sort((a, b) => Number(a[0]) - Number(b[0])),
  )
})

test("refusals: alike in two contracts they are each one's own", async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  const registries = [await world.registry(one, 'acme'), await world.registry(one, 'acme-2')]
  const [first, second] = [world.first.refusals, (await world.node()).refusals]
  const refusal = { actor: 'unknown', action: 'login.refused', subject: 'ci', address: ADDRESS }
  for (const refusals of [first, second]) {
    refusals.note({ ...refusal, contractId: one, registryId: registries[0] ?? 0 })
    refusals.note({ ...refusal, contractId: one, registryId: registries[1] ?? 0 })
    refusals.note({ ...refusal, contractId: two, registryId: null })
    refusals.note({ ...refusal, contractId: null, registryId: null })
    await refusals.flush()
  }
  const rows = (await refusedRows(world)).map(({ contract_id, registry_id, count }) => [
    contract_id,
    registry_id,
    count,
  ])
  assert.deepEqual(
    rows.sort((a, b) => String(a).localeCompare(String(b))),
    [
      [null, null, 2],
      [one, registries[0], 2],
      [one, registries[1], 2],
      [two, null, 2],
    ],
  )
})

test('refusals: ever new names do not fill memory or disk', async () => {
  await using world = await AuthWorld.open()
  const { refusals } = world.first
  const refusal = { contractId: null, registryId: null, actor: 'unknown', action: 'login.refused', address: ADDRESS }
  for (let name = 0; name < 5_000; name++) refusals.note({ ...refusal, subject: `name ${name}` })
  for (let time = 0; time < 10; time++) refusals.note({ ...refusal, subject: 'name 0' })
  await refusals.flush()
  const rows = await refusedRows(world)
  assert.equal(rows.length, 401)
  assert.equal(
    rows.reduce((sum, { count }) => sum + count, 0),
    5_010,
  )
  assert.equal(rows.find(({ subject }) => subject === 'name 0')?.count, 11)
})

test('refusals: a flush that fails loses nothing', async () => {
  await using world = await AuthWorld.open()
  const node = await world.node()
  node.refusals.note({ contractId: null, registryId: null, actor: 'a', action: 'b', subject: 'c', address: ADDRESS })
  const transact = node.metadata.transact.bind(node.metadata)
  Object.defineProperty(node.metadata, 'transact', {
    value: () => Promise.reject(new Error('down')),
    configurable: true,
  })
  await assert.rejects(node.refusals.flush(), /down/)
  Object.defineProperty(node.metadata, 'transact', { value: transact })
  await node.refusals.flush()
  await node.refusals.flush()
  assert.deepEqual(
    (await refusedRows(world)).map(({ count }) => count),
    [1],
  )
})
