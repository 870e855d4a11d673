import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ApiWorld } from '../../test/support/api-world.ts'
import type { AuditRecord } from '../metadata/tables/audit-events.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'

let world: ApiWorld
let one: number
let two: number
let admin: string
let other: string
let member: string
let operator: string
let acme: { id: number; publicId: string }

const START = Date.UTC(2026, 5, 1)
const HOUR = 3_600_000

/** What happened in contract one, oldest first, an hour apart. */
const EVENTS = [
  { actor: 'ann@one.example', action: 'registry.create', subject: 'acme' },
  { actor: 'token:ci', action: 'manifest.push', subject: 'acme/app@sha256:1' },
  { actor: 'token:ci', action: 'tag.delete', subject: 'acme/app:v1' },
  { actor: 'bob@one.example', action: 'tag.delete', subject: 'acme/other:v1' },
  { actor: 'bob@one.example', action: 'tag.delete-all', subject: 'acme/app' },
] as const

before(async () => {
  world = await ApiWorld.open()
  const { people } = world
  one = await people.contract('one')
  two = await people.contract('two')
  admin = await world.login(one, 'ann@one.example', 'admin')
  member = await world.login(one, 'bob@one.example', 'member', true)
  other = await world.login(two, 'owner@two.example', 'owner')
  operator = await world.login(one, 'ops@one.example', 'admin')
  await people.accounts.setOperator(
    { email: 'ops@one.example', isOperator: true },
    { label: 'operator', address: null, role: 'operator' },
  )
  const id = await people.registry(one, 'acme')
  const row = await people.transact(
    (sql) => sql.get<{ public_id: string }>`SELECT public_id FROM registries WHERE id = ${id}`,
  )
  acme = { id, publicId: row?.public_id ?? '' }
  for (const [hour, event] of EVENTS.entries()) await happen(hour, { ...event, contractId: one })
  await happen(0, { actor: 'owner@two.example', action: 'tag.delete', subject: 'acme/app:v1', contractId: two })
  world.rooms.refusals.note({
    contractId: one,
    registryId: acme.id,
    actor: 'token:ci',
    action: 'access.refused',
    subject: 'acme/x',
    address: '192.0.2.9',
  })
  world.rooms.refusals.note({
    contractId: null,
    registryId: null,
    actor: 'unknown',
    action: 'login.refused',
    subject: 'x@y.example',
    address: '192.0.2.9',
  })
  await world.rooms.refusals.flush()
})
after(() => world[Symbol.asyncDispose]())

const FROM = new Date(START).toISOString()
const subjects = (answer: { json: { items: { subject: string }[] } }) => answer.json.items.map(({ subject }) => subject)

const filters = [
  { name: 'who deleted a tag', query: 'action=tag.delete&subject=acme/app:v1', want: ['acme/app:v1'] },
  { name: 'how an action begins', query: 'action=tag.', want: ['acme/app', 'acme/other:v1', 'acme/app:v1'] },
  { name: 'an action that never was', query: 'action=zebra', want: [] },
  { name: 'a person', query: 'actor=ann%40one.example', want: ['acme'] },
  { name: 'part of a name', query: 'subject=other', want: ['acme/other:v1'] },
  { name: 'signs that mean something elsewhere', query: 'subject=%25', want: [] },
  { name: 'a time', query: `from=${at(1)}&to=${at(3)}`, want: ['acme/app:v1', 'acme/app@sha256:1'] },
  {
    name: 'a time with a zone',
    query: 'from=2026-06-01T04:00:00%2B02:00&to=2026-06-01T03:00:00Z',
    want: ['acme/app:v1'],
  },
  {
    name: 'all at once',
    query: `actor=token:ci&action=tag.delete&subject=v1&outcome=ok&to=${at(9)}`,
    want: ['acme/app:v1'],
  },
  { name: 'an empty filter', query: 'actor=&action=tag.delete-all', want: ['acme/app'] },
]

for (const { name, query, want } of filters) {
  test(`audit: ${name}`, async () => {
    const from = query.includes('from=') ? '' : `&from=${FROM}`
    const answer = await world.call('GET', `/api/v1/audit?${query}${from}`, { as: admin })
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(subjects(answer), want)
    const exported = await world.call('GET', `/api/v1/audit/export?${query}${from}`, { as: admin })
    assert.deepEqual(
      exported.text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
      answer.json.items,
    )
  })
}

test('audit: of a registry, refusals counted', async () => {
  const query = `registry=${acme.publicId.toUpperCase()}&outcome=refused`
  const { json } = await world.call('GET', `/api/v1/audit?${query}`, { as: admin })
  const [{ id, at: when, ...event }] = json.items
  assert.match(id, /^[0-9a-f-]{36}$/)
  assert.match(when, /^\d{4}-.*:00\.000Z$/)
  assert.deepEqual(event, {
    actor: 'token:ci',
    action: 'access.refused',
    subject: 'acme/x',
    registryId: acme.publicId,
    address: '192.0.2.9',
    outcome: 'refused',
    count: 1,
    detail: null,
  })
})

test('audit: pages follow each other without gap or repetition', async () => {
  const seen: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { json } = await world.call('GET', `/api/v1/audit?limit=2&from=${FROM}&after=${next}`, { as: admin })
    assert.ok(json.items.length <= 2)
    seen.push(...json.items.map((event: { subject: string }) => event.subject))
    next = json.next
  }
  assert.deepEqual(seen, EVENTS.map(({ subject }) => subject).reverse())
})

test('audit: events of one moment have their pages too', async () => {
  const contract = await world.people.contract('busy')
  const busy = await world.login(contract, 'busy@example.com', 'owner')
  await world.people.transact(async (sql) => {
    for (let count = 0; count < 7; count++) {
      await sql.run`
        INSERT INTO audit_events (public_id, at, contract_id, actor, action, subject)
        VALUES (${randomUUID()}, ${START + 99 * HOUR}, ${contract}, 'x', ${`a.${count % 3}`}, ${`s${count}`})`
    }
  })
  for (const query of ['', '&action=a.']) {
    const seen: string[] = []
    for (let next: string | null = ''; next !== null; ) {
      const answer = await world.call('GET', `/api/v1/audit?limit=3&from=${at(99)}${query}&after=${next}`, { as: busy })
      seen.push(...subjects(answer))
      next = answer.json.next
    }
    assert.deepEqual(seen, ['s6', 's5', 's4', 's3', 's2', 's1', 's0'])
  }
})

test('audit: another contract sees its own events only', async () => {
  const { json } = await world.call('GET', `/api/v1/audit?from=${FROM}&registry=${acme.publicId}`, { as: other })
  assert.deepEqual(json, { items: [], next: null })
  const own = await world.call('GET', `/api/v1/audit?from=${FROM}`, { as: other })
  assert.deepEqual(
    own.json.items.map(({ actor }: { actor: string }) => actor),
    ['owner@two.example'],
  )
  const stolen = (await world.call('GET', `/api/v1/audit?from=${FROM}&limit=1`, { as: admin })).json.next
  assert.match(stolen, /^[\w-]+$/)
  const page = await world.call('GET', `/api/v1/audit?from=${FROM}&after=${stolen}`, { as: other })
  assert.deepEqual(subjects(page), ['acme/app:v1'])
})

test('audit: events of no contract are for operators', async () => {
  const url = '/api/v1/audit?ofInstallation=true&action=login.'
  assert.equal((await world.call('GET', url, { as: admin })).status, 403)
  assert.deepEqual(subjects(await world.call('GET', url, { as: operator })), ['x@y.example'])
  const { text } = await world.call('GET', '/api/v1/audit/export?ofInstallation=true&action=operator.add', {
    as: operator,
  })
  assert.equal(JSON.parse(text).subject, 'ops@one.example')
})

const mistakes = [
  { query: 'limit=0', says: /^limit is not valid: .*1/ },
  { query: 'limit=1001', says: /^limit is not valid: .*1000/ },
  { query: 'limit=x', says: /^limit is not valid/ },
  { query: 'limit=1&limit=2', says: /^limit is not valid/ },
  { query: 'after=x', says: /^after is not valid/ },
  { query: `after=${Buffer.from('[1,2]').toString('base64url')}`, says: /^after is not valid/ },
  { query: 'from=yesterday', says: /^from is not valid: it must be a time such as 2026-01-31T12:00:00Z/ },
  { query: `from=${at(2)}&to=${at(1)}`, says: /^from must be before to/ },
  { query: 'registry=acme', says: /^registry is not valid: it must be a UUID/ },
  { query: 'outcome=maybe', says: /^outcome is not valid/ },
  { query: 'ofInstallation=perhaps', says: /^ofInstallation is not valid/ },
]

for (const { query, says } of mistakes) {
  test(`audit: ${query} is refused`, async () => {
    const answer = await world.call('GET', `/api/v1/audit?${query}`, { as: admin })
    assert.equal(answer.status, 400)
    assert.match(answer.json.detail, says)
  })
}

test('audit: members see none of it', async () => {
  for (const url of ['/api/v1/audit', '/api/v1/audit/export']) {
    const { status, json } = await world.call('GET', url, { as: member })
    assert.equal(status, 403)
    assert.match(json.detail, /only an owner or admin/)
  }
})

test('audit: an export is read a thousand events at a time, as the reader takes them', async () => {
  const contract = await world.people.contract('large')
  await world.people.transact(async (sql) => {
    for (let one = 0; one < 2500; one++)
      await insertAuditEvent(sql, record({ actor: 'x', action: 'a', subject: `s${one}`, contractId: contract }))
  })
  const seen = new Set<string>()
  const lengths: number[] = []
  for await (const page of world.rooms.auditLog.all(contract, { action: 'a' })) {
    lengths.push(page.length)
    for (const { subject } of page) seen.add(subject)
  }
  assert.deepEqual([lengths, seen.size], [[1000, 1000, 500], 2500])
})

function at(hour: number): string {
  return new Date(START + hour * HOUR).toISOString()
}

function record(event: Pick<AuditRecord, 'actor' | 'action' | 'subject' | 'contractId'>): AuditRecord {
  return { ...event, registryId: event.contractId === one ? acme.id : null, address: null }
}

async function happen(hour: number, event: Parameters<typeof record>[0]): Promise<void> {
  const before = world.people.clock
  world.people.clock = START + hour * HOUR
  await world.people.transact((sql) => insertAuditEvent(sql, record(event)))
  world.people.clock = before
}
