import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Seen, Sent } from './wire.ts'
import { basic, header, sweep, textOf } from './wire.ts'
import type { Login } from './world.ts'
import { ABSENT, ADDRESS, DELETED, FOREIGN, HERE, OWN, openWorld, PATH_HOST, SIBLING } from './world.ts'

// The management API: strangers and registry tokens get one answer, another contract's ids are absent ids, and who may
// only read changes nothing. At both mounts.

interface Ids {
  readonly label: string
  readonly registry: string
  readonly token: string
}

interface Operation {
  readonly number: number
  readonly method: string
  readonly path: (ids: Ids) => string
  readonly body?: string
  readonly changes?: boolean
}

/** What a change that must not happen would leave behind. */
const MARK_ADDRESS = '203.0.113.77'
const MARK_DATE = '2031-07-07T07:07:07Z'
const NEW_TOKEN = '{"properties":{"name":"intruder","scopes":[]}}'
const OPERATIONS: readonly Operation[] = [
  { number: 1, method: 'GET', path: () => '/locations' },
  { number: 2, method: 'HEAD', path: () => `/names/${OWN}` },
  { number: 3, method: 'GET', path: () => '/registries' },
  {
    number: 4,
    method: 'POST',
    path: () => '/registries',
    body: '{"properties":{"name":"new-one","location":"de/fra"}}',
    changes: true,
  },
  { number: 5, method: 'GET', path: ({ registry }) => `/registries/${registry}` },
  {
    number: 6,
    method: 'PUT',
    path: ({ registry }) => `/registries/${registry}`,
    body: `{"properties":{"name":"${OWN}","location":"de/fra"}}`,
    changes: true,
  },
  {
    number: 7,
    method: 'PATCH',
    path: ({ registry }) => `/registries/${registry}`,
    body: `{"apiSubnetAllowList":["${MARK_ADDRESS}"]}`,
    changes: true,
  },
  { number: 8, method: 'DELETE', path: ({ registry }) => `/registries/${registry}`, changes: true },
  { number: 9, method: 'GET', path: ({ registry }) => `/registries/${registry}/tokens` },
  {
    number: 10,
    method: 'POST',
    path: ({ registry }) => `/registries/${registry}/tokens`,
    body: NEW_TOKEN,
    changes: true,
  },
  { number: 11, method: 'GET', path: ({ registry, token }) => `/registries/${registry}/tokens/${token}` },
  {
    number: 12,
    method: 'PUT',
    path: ({ registry, token }) => `/registries/${registry}/tokens/${token}`,
    body: NEW_TOKEN,
    changes: true,
  },
  {
    number: 13,
    method: 'PATCH',
    path: ({ registry, token }) => `/registries/${registry}/tokens/${token}`,
    body: `{"expiryDate":"${MARK_DATE}"}`,
    changes: true,
  },
  {
    number: 14,
    method: 'DELETE',
    path: ({ registry, token }) => `/registries/${registry}/tokens/${token}`,
    changes: true,
  },
]
const MOUNTS = ['', '/containerregistries']

let world: Awaited<ReturnType<typeof openWorld>>
let own: Ids
let foreign: Ids
let absent: Ids
let token: Login & { id: string }
let member: Login
let manager: Login

before(async () => {
  world = await openWorld()
  token = await world.token(OWN, { name: 'complete' })
  own = { label: 'its own', registry: idOf(OWN), token: token.id }
  const { id } = await world.token(FOREIGN, { name: 'complete' })
  foreign = { label: 'a foreign one', registry: idOf(FOREIGN), token: id }
  absent = { label: 'an absent one', registry: randomUUID(), token: randomUUID() }
  member = await world.user(1, 'member')
  manager = await world.user(1, 'member', true)
})
after(() => world[Symbol.asyncDispose]())

function idOf(name: string): string {
  return world.registries[name]?.id ?? assert.fail(name)
}

interface Shown {
  readonly authorization: string | undefined
  readonly more?: Readonly<Record<string, string>>
  readonly from?: string
}

function requestOf({ authorization, more, from = ADDRESS }: Shown, method: string, path: string, body?: string): Sent {
  const headers = {
    'X-Forwarded-For': from,
    ...(authorization === undefined ? {} : { Authorization: authorization }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...more,
  }
  return { method, path, host: PATH_HOST, headers, ...(body === undefined ? {} : { body }) }
}

const ask = (requests: readonly Sent[]): Promise<Seen[]> => sweep(world.connections, requests)
const showing = ({ username, password }: Login): Shown => ({ authorization: basic(username, password) })

/** Without the ids that were asked for. */
function withoutIds(seen: Seen, ids: Ids): string {
  return textOf(seen).replaceAll(ids.registry, '<registry>').replaceAll(ids.token, '<token>')
}

function assertOne(texts: readonly string[], about: string): void {
  assert.equal(new Set(texts).size, 1, `${about}: ${[...new Set(texts)].join('\n\n')}`)
}

const STRANGERS: [name: string, shown: () => Promise<Shown> | Shown, group: string][] = [
  ['no credentials', () => ({ authorization: undefined }), 'none'],
  ['a registry token', () => showing(token), 'basic'],
  [
    'a registry token with a contract number',
    () => ({ ...showing(token), more: { 'X-Contract-Number': '1' } }),
    'basic',
  ],
  ['a registry token’s wrong password', () => showing({ ...token, password: 'wrong' }), 'basic'],
  [
    'an expired token',
    async () => showing(await world.token(OWN, { name: 'past', expiryDate: '2026-01-01T00:00:00Z' })),
    'basic',
  ],
  ['unreadable credentials', () => ({ authorization: 'Basic !' }), 'basic'],
  ['another scheme', () => ({ authorization: 'Negotiate abc' }), 'basic'],
  ['a registry token as Bearer', () => ({ authorization: `Bearer ${token.password}` }), 'bearer'],
  [
    'a registry token’s JWT',
    async () => bearer(await world.jwt(token, PATH_HOST, [`repository:${OWN}/${HERE}:*`])),
    'bearer',
  ],
  [
    'the owner’s JWT',
    async () => bearer(await world.jwt(world.first.owner, PATH_HOST, ['registry:catalog:*'])),
    'bearer',
  ],
  ['a refresh token', async () => bearer(await world.refreshToken(world.first.owner, PATH_HOST)), 'bearer'],
  ['an unknown API key', () => bearer('entk_0000000000_0000000000000000000000000000000000'), 'bearer'],
]

const bearer = (text: string): Shown => ({ authorization: `Bearer ${text}` })
const texts = new Map<string, Set<string>>()

for (const [name, shownBy, group] of STRANGERS) {
  test(`${name}: one 401 for every operation, at both mounts, whatever exists`, async () => {
    const shown = await shownBy()
    const broken = { label: 'no id', registry: 'x', token: 'x' }
    const requests = MOUNTS.flatMap((mount) =>
      OPERATIONS.flatMap(({ method, path, body }) =>
        [own, foreign, absent, broken].map((ids) => requestOf(shown, method, mount + path(ids), body)),
      ),
    )
    const answers = await ask(requests)
    const heads = answers.filter((_, index) => requests[index]?.method === 'HEAD')
    const others = answers.filter((_, index) => requests[index]?.method !== 'HEAD')
    for (const seen of answers) assert.equal(seen.status, 401, textOf(seen))
    assertOne(heads.map(textOf), 'HEAD')
    assertOne(others.map(textOf), 'all but HEAD')
    texts.set(group, (texts.get(group) ?? new Set()).add(textOf(others[0] ?? assert.fail())))
  })
}

test('a person’s wrong password and nobody’s are told what a wrong token is told', async () => {
  const logins = [world.first.owner.username, 'nobody@example.com']
  const requests = logins.flatMap((username, index) =>
    OPERATIONS.filter(({ method }) => method !== 'HEAD').map(({ method, path, body, number }) => {
      const shown = { ...showing({ username, password: 'wrong' }), from: `192.0.${index}.${number}` }
      return requestOf(shown, method, path(own), body)
    }),
  )
  const answers = await ask(requests)
  assert.deepEqual([...new Set(answers.map(textOf))], [...(texts.get('basic') ?? [])])
  assert.deepEqual([...texts.keys()].sort(), ['basic', 'bearer', 'none'])
  for (const [group, all] of texts) assertOne([...all], group)
})

test('bodies that are not read tell strangers nothing', async () => {
  const bodies = ['', '{', '[]', '{"properties":{"name":"complete"}}', ' '.repeat(100_000)]
  const answers = await ask(
    bodies.flatMap((body) =>
      [own, absent].map(({ registry }) =>
        requestOf({ authorization: undefined }, 'POST', `/registries/${registry}/tokens`, body),
      ),
    ),
  )
  for (const seen of answers) assert.equal(seen.status, 401, textOf(seen))
  assertOne(
    answers.map((seen) => textOf(seen).replaceAll(/^(connection|keep-alive): .*\n/gim, '')),
    'bodies',
  )
})

test('methods and paths that are not served answer alike for every id, with credentials and without', async () => {
  const rest: [method: string, path: (ids: Ids) => string][] = [
    ...['PUT', 'PATCH', 'POST', 'OPTIONS', 'TRACE', 'PROPFIND'].map((method): [string, (ids: Ids) => string] => [
      method,
      ({ registry }) => `/registries/${registry}`,
    ]),
    ...['PUT', 'PATCH', 'POST', 'OPTIONS'].map((method): [string, (ids: Ids) => string] => [
      method,
      (ids) => `/registries/${ids.registry}/tokens/${ids.token}`,
    ]),
    ['DELETE', () => '/registries'],
    ['OPTIONS', () => '/registries'],
    ['GET', () => `/names/${OWN}`],
    ...['repositories', `repositories/${HERE}`, `repositories/${HERE}/artifacts`, 'artifacts', 'nothing'].map(
      (path): [string, (ids: Ids) => string] => ['GET', ({ registry }) => `/registries/${registry}/${path}`],
    ),
    ['GET', () => '/vulnerabilities/CVE-2026-1'],
  ]
  for (const authorization of [
    undefined,
    basic('complete', token.password),
    showing(world.second.owner).authorization,
  ]) {
    for (const [method, path] of rest) {
      const places = MOUNTS.flatMap((mount) => [own, absent].map((ids) => ({ mount, ids })))
      const answers = await ask(places.map(({ mount, ids }) => requestOf({ authorization }, method, mount + path(ids))))
      assertOne(
        answers.map((seen, index) => withoutIds(seen, places[index]?.ids ?? assert.fail())),
        `${method} ${path(own)}`,
      )
      assert.ok((answers[0]?.status ?? 0) >= 400, `${method} ${path(own)}`)
    }
  }
})

/** PUT of a registry makes what is not there: it has a test of its own. */
const BY_ID = OPERATIONS.filter(
  ({ path, number }) => number !== 6 && path({ label: '', registry: 'R', token: 'T' }).includes('R'),
)

test('another contract’s owner: foreign ids are absent ids', async () => {
  for (const mount of MOUNTS) {
    for (const { method, path, body, number } of BY_ID) {
      const all = [own, absent, { ...own, registry: own.registry.toUpperCase() }, { ...own, registry: idOf(SIBLING) }]
      const shown = showing(world.second.owner)
      const answers = await ask(all.map((ids) => requestOf(shown, method, mount + path(ids), body)))
      for (const seen of answers) assert.equal(seen.status, 404, `operation ${number}: ${textOf(seen)}`)
      const lower = (ids: Ids): Ids => ({ ...ids, registry: ids.registry.toLowerCase() })
      assertOne(
        answers.map((seen, index) => withoutIds(seen, lower(all[index] ?? assert.fail()))),
        `operation ${number}`,
      )
    }
  }
  await assertNothingChanged()
})

test('a token of another registry or contract is an absent one', async () => {
  const inSibling = { ...own, registry: idOf(SIBLING) }
  for (const { method, path, body, number } of BY_ID.filter(({ number: one }) => [11, 13, 14].includes(one))) {
    for (const [login, ids] of [
      [world.first.owner, inSibling],
      [world.second.owner, foreign],
    ] as const) {
      const all = [
        { ...ids, token: own.token },
        { ...ids, token: absent.token },
      ]
      const answers = await ask(all.map((one) => requestOf(showing(login), method, path(one), body)))
      for (const seen of answers) assert.equal(seen.status, 404, `operation ${number}: ${textOf(seen)}`)
      assertOne(
        answers.map((seen, index) => withoutIds(seen, all[index] ?? assert.fail())),
        `operation ${number}`,
      )
    }
  }
  await assertNothingChanged()
})

test('PUT on another contract’s id: refused like any other, and one of one’s own when the name is free', async () => {
  const shown = showing(world.second.owner)
  const all = [own, absent, { ...own, registry: idOf(SIBLING) }]
  const put = (ids: Ids, name: string): Sent =>
    requestOf(shown, 'PUT', `/registries/${ids.registry}`, `{"properties":{"name":"${name}","location":"de/fra"}}`)
  const refused = await ask(all.map((ids) => put(ids, OWN)))
  for (const seen of refused) assert.equal(seen.status, 400, textOf(seen))
  assertOne(
    refused.map((seen, index) => withoutIds(seen, all[index] ?? assert.fail())),
    'a taken name',
  )
  const before = await ask([requestOf(showing(world.first.owner), 'GET', `/registries/${own.registry}`)])
  const made = await ask([put(own, 'put-a'), put(absent, 'put-b')])
  const texts = made.map((seen, index) => withoutIds(seen, [own, absent][index] ?? assert.fail()))
  assertOne(
    texts.map((text) => text.replaceAll(/"put-[ab]"/g, '<name>').replaceAll(/"createdDate":"[^"]+"/g, '<date>')),
    'a free name',
  )
  const after = await ask([requestOf(showing(world.first.owner), 'GET', `/registries/${own.registry}`)])
  assert.deepEqual(
    after.map(({ body }) => body),
    before.map(({ body }) => body),
  )
  const removed = await ask([own, absent].map((ids) => requestOf(shown, 'DELETE', `/registries/${ids.registry}`)))
  assert.deepEqual(
    removed.map(({ status }) => status),
    [204, 204],
  )
  await assertNothingChanged()
})

test('a deleted registry is an absent one, for its own contract too', async () => {
  const gone = { label: 'a deleted one', registry: idOf(DELETED), token: absent.token }
  await world.deleteRegistry(DELETED)
  for (const login of [world.first.owner, world.second.owner]) {
    for (const { method, path, body, number } of BY_ID) {
      const all = [gone, absent]
      const answers = await ask(all.map((ids) => requestOf(showing(login), method, path(ids), body)))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [404, 404],
        `operation ${number}`,
      )
      assertOne(
        answers.map((seen, index) => withoutIds(seen, all[index] ?? assert.fail())),
        `operation ${number}`,
      )
    }
  }
})

interface List {
  readonly items: readonly { readonly id: string; readonly properties: { readonly name: string } }[]
  readonly pagination: { readonly token: string }
}

const listed = ({ body }: Seen): List => JSON.parse(body) as List

test('lists hold a contract’s own, whatever filter or page is asked for', async () => {
  const shown = showing(world.second.owner)
  const [first] = await ask([requestOf(showing(world.first.owner), 'GET', '/registries?limit=1')])
  const page = listed(first ?? assert.fail()).pagination.token
  assert.notEqual(page, '')
  const queries = [
    '',
    '?limit=1000',
    `?pagination.token=${page}`,
    `?nextPageToken=${page}`,
    '?filter.name=-one',
    '?filter.name=%25',
  ]
  for (const mount of MOUNTS) {
    const answers = await ask(queries.map((query) => requestOf(shown, 'GET', `${mount}/registries${query}`)))
    for (const seen of answers) {
      assert.equal(seen.status, 200, textOf(seen))
      for (const { properties } of listed(seen).items) assert.equal(properties.name, FOREIGN)
    }
    const filters = [OWN, ABSENT]
    const filtered = await ask(
      filters.map((name) => requestOf(shown, 'GET', `${mount}/registries?filter.name=${name}`)),
    )
    assert.deepEqual(
      filtered.map((seen) => listed(seen).items),
      [[], []],
    )
    assertOne(
      filtered.map((seen, index) => textOf(seen).replaceAll(filters[index] ?? '', '<name>')),
      'filter.name',
    )
  }
})

test('a contract number that is not theirs is one that does not exist', async () => {
  for (const [login, foreignNumber] of [
    [world.first.owner, world.second.id],
    [world.second.owner, 1],
    [member, world.second.id],
  ] as const) {
    for (const { method, path, body, number } of OPERATIONS) {
      const numbers = [foreignNumber, 7_654_321]
      const answers = await ask(
        numbers.map((one) =>
          requestOf({ ...showing(login), more: { 'X-Contract-Number': `${one}` } }, method, path(own), body),
        ),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        [403, 403],
        `operation ${number}`,
      )
      assertOne(
        answers.map((seen, index) =>
          textOf({ ...seen, body: seen.body.replace(`contract ${numbers[index]} `, 'contract <number> ') }).replace(
            /content-length: .*/i,
            '',
          ),
        ),
        `operation ${number}`,
      )
    }
  }
  await assertNothingChanged()
})

test('a member without Manage Registry reads all of the contract', async () => {
  for (const mount of MOUNTS) {
    for (const { method, path, number } of OPERATIONS.filter(({ changes }) => !changes)) {
      const answers = await ask(
        [member, world.first.owner].map((login) => requestOf(showing(login), method, mount + path(own))),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
        `operation ${number}`,
      )
      assertOne(answers.map(textOf), `operation ${number}`)
    }
  }
})

test('a member without Manage Registry changes nothing, and learns nothing by trying', async () => {
  for (const mount of MOUNTS) {
    for (const { method, path, body, number } of OPERATIONS.filter(({ changes }) => changes)) {
      const all = [own, foreign, absent, { label: 'no id', registry: 'x', token: 'x' }]
      const answers = await ask(all.map((ids) => requestOf(showing(member), method, mount + path(ids), body)))
      for (const seen of answers) assert.equal(seen.status, 403, `operation ${number}: ${textOf(seen)}`)
      assertOne(answers.map(textOf), `operation ${number}`)
    }
  }
  await assertNothingChanged()
})

test('with Manage Registry a member may change what is of the contract, and nothing else', async () => {
  const make = (ids: Ids): Sent => requestOf(showing(manager), 'POST', `/registries/${ids.registry}/tokens`, NEW_TOKEN)
  const answers = await ask([own, foreign, absent].map(make))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 404, 404],
  )
  const { id } = JSON.parse(answers[0]?.body ?? '') as { id: string }
  const [removed] = await ask([requestOf(showing(manager), 'DELETE', `/registries/${own.registry}/tokens/${id}`)])
  assert.equal(removed?.status, 204)
})

async function assertNothingChanged(): Promise<void> {
  const [registries, tokens, foreignOnes] = await ask([
    requestOf(showing(world.first.owner), 'GET', '/registries'),
    requestOf(showing(world.first.owner), 'GET', `/registries/${own.registry}/tokens`),
    requestOf(showing(world.second.owner), 'GET', '/registries'),
  ])
  const names = (seen: Seen | undefined): string[] =>
    listed(seen ?? assert.fail()).items.map((item) => item.properties.name)
  assert.ok(names(registries).includes(OWN) && names(registries).includes(SIBLING))
  assert.ok(!names(registries).includes('new-one'))
  assert.ok(names(tokens).includes('complete') && !names(tokens).includes('intruder'))
  assert.deepEqual(names(foreignOnes), [FOREIGN])
  assert.ok(!`${registries?.body}${foreignOnes?.body}`.includes(MARK_ADDRESS))
  assert.ok(!tokens?.body.includes(MARK_DATE))
}

test('a password is shown at creation and nowhere else', async () => {
  const login = showing(world.first.owner)
  const { body } = requestOf(login, 'POST', '', '{"properties":{"name":"shown-once"}}')
  const [made] = await ask([requestOf(login, 'POST', `/registries/${own.registry}/tokens`, body)])
  const { id, properties } = JSON.parse(made?.body ?? '') as { id: string; properties: { credentials: Login } }
  assert.match(properties.credentials.password, /^ent_/)
  const answers = await ask(
    ['', `/${id}`].map((path) => requestOf(login, 'GET', `/registries/${own.registry}/tokens${path}`)),
  )
  for (const seen of answers) {
    assert.equal(seen.status, 200)
    assert.doesNotMatch(seen.body, /ent_\w/)
  }
})

test('names, the declared exception: a person learns whether one is taken, and nobody may ask for a dictionary', async () => {
  const [second] = world.connections
  assert.ok(second)
  const check = (login: Login, name: string, mount = ''): Sent =>
    requestOf(showing(login), 'HEAD', `${mount}/names/${name}`)
  const { owner } = world.second
  const answers = await ask([OWN, FOREIGN, ABSENT, 'UPPER', 'x'].map((name) => check(owner, name)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 404, 400, 400],
  )
  assert.equal(
    textOf(answers[0] ?? assert.fail()),
    textOf(answers[1] ?? assert.fail()),
    'a foreign name reads like an own one',
  )
  for (const { body } of answers) assert.equal(body, '')
  const many = await second.askAll(Array.from({ length: 130 }, (_, index) => check(owner, `name-${index}`)))
  const refused = many.filter(({ status }) => status === 429)
  assert.ok(refused.length >= 130 - 60, `${refused.length} of 130 were refused`)
  assert.match(header(refused[0] ?? assert.fail(), 'retry-after') ?? '', /^\d+$/)
  const audited = await world.metadata.read(
    (sql) => sql.all<{ subject: string; contract_id: number }>`
      SELECT subject, contract_id FROM audit_events WHERE action = 'name.check' AND subject IN (${OWN}, ${FOREIGN})`,
  )
  assert.ok(audited.some(({ subject, contract_id }) => subject === OWN && contract_id === world.second.id))
})

test('names: the second mount is no second allowance', async () => {
  const asker = await world.user(1, 'admin')
  const [connection] = world.connections
  const requests = Array.from({ length: 130 }, (_, index) =>
    requestOf(showing(asker), 'HEAD', `${MOUNTS[index % 2]}/names/name-${index}`),
  )
  const answers = await (connection ?? assert.fail()).askAll(requests)
  const allowed = answers.filter(({ status }) => status !== 429).length
  assert.ok(allowed <= 60, `${allowed} name checks in a minute by one person at one process`)
})

test('names: asking by creating is counted and slowed like asking', async () => {
  const asker = await world.user(world.second.id, 'admin')
  const [connection] = world.connections
  const body = `{"properties":{"name":"${OWN}","location":"de/fra"}}`
  const answers = await (connection ?? assert.fail()).askAll(
    Array.from({ length: 130 }, () => requestOf(showing(asker), 'POST', '/registries', body)),
  )
  const told = answers.filter(({ status }) => status === 400).length
  assert.ok(told <= 60, `${told} times somebody was told in a minute that a foreign name is taken`)
})
