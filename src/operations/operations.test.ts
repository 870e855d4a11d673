import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fastify } from 'fastify'
import type { UserPrincipal } from '../domain/actor.ts'
import { DomainError } from '../domain/error.ts'
import { createClientOf } from '../http/client.ts'
import { SILENT } from '../http/log.ts'
import { createMetrics, textOf } from '../telemetry/metrics.ts'
import { metricsListener, operations } from './operations.ts'
import type { ReadinessCheck } from './readiness.ts'
import { createReadiness } from './readiness.ts'

const ok: ReadinessCheck = { name: 'database', check: async () => {} }
const broken: ReadinessCheck = {
  name: 'storage',
  check: async () => Promise.reject(new Error('bucket hush-hush is gone')),
}

function person(role: UserPrincipal['role']): UserPrincipal {
  return {
    kind: 'user',
    contractId: 1,
    identityId: 1,
    userId: 'u',
    email: 'a@b',
    role,
    manageRegistry: false,
    passwordVersion: 1,
    isOperator: false,
    session: null,
  }
}

async function open(t: TestContext, checks: readonly ReadinessCheck[] = [ok], own = false) {
  const metrics = createMetrics()
  const asked: unknown[] = []
  const deps = {
    checks,
    metricsText: async () => await textOf([await metrics.snapshot()]),
    log: SILENT,
    clientOf: createClientOf({ trustedProxies: [] }),
    auth: {
      async authenticatePerson(
        { authorization }: { authorization: string | undefined },
        contractNumber: number | null,
      ) {
        asked.push(contractNumber)
        if (authorization === undefined) throw new DomainError('unauthenticated', 'log in')
        if (authorization === 'Bearer braked')
          throw new DomainError('too_many_requests', 'wait', { headers: { 'retry-after': '9' } })
        return person(authorization.slice('Bearer '.length) as UserPrincipal['role'])
      },
    },
  }
  const app = fastify()
  await app.register(own ? metricsListener(deps) : operations(deps))
  t.after(() => app.close())
  return { app, metrics, asked }
}

test('/livez says that the process runs', async (t) => {
  const { app } = await open(t, [broken])
  const answer = await app.inject('/livez')
  assert.deepEqual([answer.statusCode, answer.body], [200, 'ok\n'])
})

test('/readyz is 200 only when every check passes, and tells strangers no reason', async (t) => {
  const { app } = await open(t)
  const good = await app.inject('/readyz')
  assert.deepEqual([good.statusCode, good.json()], [200, { status: 'ready', checks: { database: 'ok' } }])
  const { app: half } = await open(t, [ok, broken])
  const bad = await half.inject('/readyz')
  assert.deepEqual(
    [bad.statusCode, bad.json()],
    [503, { status: 'not ready', checks: { database: 'ok', storage: 'failed' } }],
  )
  assert.ok(!bad.body.includes('hush'))
})

test('readiness: a check that hangs has failed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const readiness = createReadiness([{ name: 'storage', check: () => new Promise(() => {}) }], SILENT)()
  t.mock.timers.tick(2_000)
  assert.deepEqual(await readiness, { ready: false, checks: { storage: 'failed' } })
})

test('readiness: the stores are asked once for many askers, and again later', async () => {
  let asked = 0
  let now = 0
  const readiness = createReadiness([{ name: 'database', check: async () => void asked++ }], SILENT, () => now)
  await Promise.all([readiness(), readiness(), readiness()])
  assert.equal(asked, 1)
  now += 500
  await readiness()
  assert.equal(asked, 2)
})

const askers = [
  { name: 'nobody', headers: {}, status: 401 },
  { name: 'nobody, from this machine by way of a proxy', headers: { 'x-forwarded-for': '127.0.0.1' }, status: 401 },
  { name: 'an owner of contract 1', headers: { authorization: 'Bearer owner' }, status: 200 },
  { name: 'an admin', headers: { authorization: 'Bearer admin' }, status: 403 },
  { name: 'a member', headers: { authorization: 'Bearer member' }, status: 403 },
  { name: 'somebody who guesses', headers: { authorization: 'Bearer braked' }, status: 429 },
]
for (const { name, headers, status } of askers) {
  test(`/metrics on the main listener: ${name} gets ${status}`, async (t) => {
    const { app, metrics, asked } = await open(t)
    metrics.request({ route: 'blob', method: 'GET', status: 200, ms: 1, bytesIn: 1, bytesOut: 1 })
    const answer = await app.inject({ url: '/metrics', headers })
    assert.equal(answer.statusCode, status)
    assert.deepEqual(asked, [1], 'as a person of contract 1')
    assert.equal(answer.body.includes('entrepot_http_requests_total'), status === 200)
    assert.equal(answer.headers['www-authenticate'], status === 401 ? 'Basic realm="Entrepot"' : undefined)
    if (status === 429) assert.equal(answer.headers['retry-after'], '9')
  })
}

test('/metrics on its own listener asks nobody, and nothing else is there', async (t) => {
  const { app } = await open(t, [ok], true)
  const answer = await app.inject('/metrics')
  assert.equal(answer.statusCode, 200)
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  assert.equal((await app.inject('/readyz')).statusCode, 200)
  assert.equal((await app.inject('/registries')).statusCode, 404)
})
