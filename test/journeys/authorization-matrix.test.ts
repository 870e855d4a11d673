import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OPERATOR } from '../../src/accounts/deps.ts'
import { ApiWorld, bearer } from '../support/api-world.ts'
import type { Caller, Place, Row } from './authorization-table.ts'
import { CALLERS, MAKE, TABLE } from './authorization-table.ts'

// Every operation of the management APIs × every kind of caller. What to do for a new operation: authorization-table.ts.

const YES = 'yes'
type Expected = Readonly<Record<Caller, typeof YES | number>>

const NOBODY = { nobody: 401 } as const
const PEOPLE = { ...NOBODY, stranger: YES, member: YES, manager: YES, admin: YES, owner: YES, operator: YES } as const
const NO_ONE = { ...NOBODY, stranger: 403, member: 403, manager: 403, admin: 403, owner: 403, operator: 403 } as const
const READ = { ...PEOPLE, readOnlyKey: YES, otherKey: YES } as const

/** What the access words mean, for operations that only read. */
const READING: Readonly<Record<Row['access'], Expected>> = {
  public: { ...READ, nobody: YES },
  self: READ,
  read: READ,
  manage: { ...READ, member: 403, operator: 403, readOnlyKey: 403 },
  admin: { ...READ, member: 403, manager: 403, operator: 403, otherKey: 403 },
  owner: { ...READ, member: 403, manager: 403, admin: 403, operator: 403, otherKey: 403 },
  operator: { ...NO_ONE, operator: YES, readOnlyKey: 403, otherKey: 403 },
}

/** A contract and all who ask. */
interface Scene extends AsyncDisposable {
  readonly place: Place
  readonly callers: Readonly<Record<Caller, string | undefined>>
}

let scene: Scene

before(async () => {
  scene = await openScene()
})
after(() => scene[Symbol.asyncDispose]())

async function openScene(): Promise<Scene> {
  const world = await ApiWorld.open()
  const { people } = world
  const contract = await people.contract('ours')
  const owner = await world.login(contract, 'owner@ours.example', 'owner')
  const operator = await world.login(contract, 'operator@ours.example', 'member')
  await people.accounts.setOperator({ email: 'operator@ours.example', isOperator: true }, OPERATOR)
  const theirs = await people.contract('theirs')
  await people.user(theirs, 'operator@theirs.example')
  await people.accounts.setOperator({ email: 'operator@theirs.example', isOperator: true }, OPERATOR)
  const other = await people.registry(contract, 'another')
  const keyOf = async (rights: { readOnly?: boolean; registryIds?: readonly number[] }) =>
    bearer((await people.apiKey(contract, 'owner@ours.example', rights)).text)
  const callers = {
    nobody: undefined,
    stranger: await world.login(theirs, 'owner@theirs.example', 'owner'),
    member: await world.login(contract, 'member@ours.example', 'member'),
    manager: await world.login(contract, 'manager@ours.example', 'member', true),
    admin: await world.login(contract, 'admin@ours.example', 'admin'),
    owner,
    operator,
    readOnlyKey: await keyOf({ readOnly: true }),
    otherKey: await keyOf({ registryIds: [other] }),
  }
  const place = { world, contract, owner, params: {} }
  return { place, callers, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

test('every operation has a row, and every row an operation', () => {
  const served = scene.place.world.routes
    .filter(({ config }) => config?.refuses === undefined)
    .flatMap(({ method, url }) => [method].flat().map((one) => `${one} ${withBraces(url)}`))
  const operations = served.filter((one) => isOperation(one, served))
  assert.deepEqual([...new Set(operations)].sort(), Object.keys(TABLE).sort())
})

test('every operation declares the access of its row', () => {
  for (const { method, url, config } of scene.place.world.routes) {
    const row = TABLE[`${[method].flat()[0]} ${withBraces(url)}`]
    if (row && config?.access !== undefined) assert.equal(config.access, row.access, `${method} ${url}`)
  }
})

for (const [operation, row] of Object.entries(TABLE)) {
  test(`${operation} is for whom ${row.access} says`, async () => {
    const answers: Partial<Record<Caller, string>> = {}
    const expected: Partial<Record<Caller, string>> = {}
    for (const caller of Object.keys(CALLERS) as Caller[]) {
      const { status, text } = row.alone
        ? await askAlone(operation, row, caller)
        : await ask(operation, row, scene, caller)
      const want = expectedOf(operation, row, caller)
      answers[caller] = status === want ? `${status}` : `${status} ${text.slice(0, 200)}`
      expected[caller] = `${want}`
    }
    assert.deepEqual(answers, expected)
  })
}

function expectedOf(operation: string, row: Row, caller: Caller): number {
  const special = row.except?.[caller]
  if (special !== undefined) return special
  const answer = meaningOf(operation, row)[caller]
  if (answer !== YES) return answer
  const isAbsent = operation.includes('{') && row.shared === undefined && row.access !== 'public'
  return isAbsent && (caller === 'stranger' || caller === 'otherKey') ? 404 : row.status
}

/** Keys that only read change nothing; keys for some registries change nothing beyond those. */
function meaningOf(operation: string, { access }: Row): Expected {
  const reading = READING[access]
  if (/^(GET|HEAD) /.test(operation) || access === 'public') return reading
  return { ...reading, readOnlyKey: 403, ...(access === 'self' ? { otherKey: 403 } : {}) }
}

async function askAlone(operation: string, row: Row, caller: Caller) {
  await using own = await openScene()
  return await ask(operation, row, own, caller)
}

async function ask(operation: string, { params = {}, query, body }: Row, { place, callers }: Scene, caller: Caller) {
  const [method = '', path = ''] = operation.split(' ')
  const made: Record<string, string> = {}
  for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
    const make = params[name] ?? MAKE[name]
    assert.ok(make, `${operation}: MAKE in authorization-table.ts does not know {${name}}`)
    made[name] = await make({ ...place, params: made })
  }
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(made[name] ?? ''))
  const sent = typeof body === 'function' ? await body(place) : body
  const call = { as: callers[caller], ...(sent === undefined ? {} : { body: sent }) }
  return await place.world.call(method as 'GET', query === undefined ? url : `${url}?${query}`, call)
}

/** Not: the second mount, HEAD beside GET, and the files of the documentation's page. */
function isOperation(served: string, all: readonly string[]): boolean {
  const [method, url = ''] = served.split(' ')
  if (url.startsWith('/containerregistries') || url.startsWith('/api/docs')) return false
  return method !== 'HEAD' || !all.includes(`GET ${url}`)
}

function withBraces(url: string): string {
  return url.replaceAll(/:(\w+)/g, '{$1}')
}
