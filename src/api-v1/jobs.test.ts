import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiWorld } from '../../test/support/api-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import { registerSchedules, runDueSchedules } from '../jobs/schedules.ts'

let world: ApiWorld
let as: string

before(async () => {
  world = await ApiWorld.open()
  as = await world.login(await world.people.contract(), 'ops@example.com', 'member')
  await world.people.accounts.setOperator({ email: 'ops@example.com', isOperator: true }, OPERATOR)
})
after(() => world[Symbol.asyncDispose]())

const audited = async (action: string) =>
  (await world.call('GET', `/api/v1/audit?ofInstallation=true&action=${action}`, { as: await admin() })).json.items.map(
    ({ actor, subject }: { actor: string; subject: string }) => [actor, subject],
  )

let admins = 0
async function admin(): Promise<string> {
  const email = `admin${++admins}@example.com`
  const login = await world.login(await world.people.contract(), email, 'admin')
  await world.people.accounts.setOperator({ email, isOperator: true }, OPERATOR)
  return login
}

test('schedules: what runs when, what went wrong, and run it now', async () => {
  const { metadata } = world.people.first
  let runs = 0
  const sweep = async () => {
    if (++runs === 1) throw new TypeError('the broom is broken')
  }
  const schedules = [{ name: 'sweep the yard', everyMs: 3_600_000, leaseMs: 1_000, run: sweep }]
  const tick = () => runDueSchedules({ metadata, onError: () => {} }, schedules)
  const shown = async () => (await world.call('GET', '/api/v1/schedules', { as })).json.items[0]
  await registerSchedules(metadata, schedules)
  assert.deepEqual(await shown(), {
    name: 'sweep the yard',
    running: false,
    nextRunAt: '2026-01-01T00:00:00.000Z',
    lastRunAt: null,
    lastError: null,
  })
  await tick()
  assert.equal((await shown()).lastError, 'the broom is broken')
  assert.equal((await shown()).nextRunAt, '2026-01-01T01:00:00.000Z')
  assert.equal(await tick(), 0)
  const run = await world.call('POST', '/api/v1/schedules/sweep%20the%20yard/run', { as })
  assert.deepEqual([run.status, run.text], [202, ''])
  assert.equal(await tick(), 1)
  assert.equal((await shown()).lastError, null)
  assert.deepEqual(await audited('schedule.run'), [['ops@example.com', 'sweep the yard']])
  assert.equal((await world.call('POST', '/api/v1/schedules/nothing/run', { as })).status, 404)
})

test('jobs: by state, in pages; a dead one is retried or given up', async () => {
  await world.people.transact(async (sql) => {
    for (const [state, key] of [
      ['dead', 'a'],
      ['ready', 'a'],
      ['running', 'b'],
      ['dead', 'c'],
    ]) {
      await sql.run`
        INSERT INTO jobs (kind, dedupe_key, state, run_after, attempts, last_error, created_at)
        VALUES ('scan', ${key ?? ''}, ${state ?? ''}, ${sql.now()}, 10, 'no database', ${sql.now()})`
    }
  })
  const list = async (query = '') => (await world.call('GET', `/api/v1/jobs?${query}`, { as })).json
  const states = ({ items }: { items: { state: string }[] }) => items.map(({ state }) => state)
  assert.deepEqual(states(await list()), ['dead', 'ready', 'running', 'dead'])
  const page = await list('limit=3')
  assert.deepEqual(states(await list(`limit=3&after=${page.next}`)), ['dead'])
  const [first, last] = (await list('state=dead')).items
  const { id, ...facts } = last
  assert.deepEqual(facts, {
    kind: 'scan',
    state: 'dead',
    runAfter: '2026-01-01T00:00:00.000Z',
    attempts: 10,
    maxAttempts: 10,
    lastError: 'no database',
    createdAt: '2026-01-01T00:00:00.000Z',
  })
  const twice = await world.call('POST', `/api/v1/jobs/${first.id}/retry`, { as })
  assert.equal(twice.status, 409)
  assert.match(twice.json.detail, /the same as job \d+ is waiting already/)
  assert.equal((await world.call('POST', `/api/v1/jobs/${id}/retry`, { as })).status, 204)
  assert.equal((await world.call('POST', `/api/v1/jobs/${id}/retry`, { as })).status, 409)
  assert.deepEqual(states(await list()), ['dead', 'ready', 'running', 'ready'])
  const [running] = (await list('state=running')).items
  assert.equal((await world.call('DELETE', `/api/v1/jobs/${running.id}`, { as })).status, 409)
  assert.equal((await world.call('DELETE', `/api/v1/jobs/${first.id}`, { as })).status, 204)
  for (const gone of [first.id, '0', 'x', '999999999999999999999']) {
    assert.equal((await world.call('DELETE', `/api/v1/jobs/${gone}`, { as })).status, gone.length > 20 ? 400 : 404)
  }
  assert.deepEqual(await audited('job.'), [
    ['ops@example.com', `scan ${first.id}`],
    ['ops@example.com', `scan ${id}`],
  ])
})
