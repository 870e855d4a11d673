import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiWorld, basic, bearer } from '../../test/support/api-world.ts'

const PASSWORD = 'correct horse battery'
const HOUR = 3_600_000

let world: ApiWorld
let one: number
let two: number
before(async () => {
  world = await ApiWorld.open()
  one = await world.people.contract('Acme')
  two = await world.people.contract('Globex')
  await world.people.user(one, 'root@example.com', { password: PASSWORD, role: 'owner' })
})
after(() => world[Symbol.asyncDispose]())

let count = 0
async function person(role: 'owner' | 'admin' | 'member' = 'member'): Promise<{ email: string; as: string }> {
  count += 1
  const email = `person${count}@example.com`
  await world.people.user(one, email, { password: PASSWORD, role })
  return { email, as: basic(email, PASSWORD) }
}
const logIn = (email: string, password = PASSWORD, more: object = {}, headers: Record<string, string> = {}) =>
  world.call('POST', '/api/v1/sessions', { body: { email, password, ...more }, headers })
const me = async (as: string) => (await world.call('GET', '/api/v1/me', { as })).status

test('sessions: logging in gives a cookie and a token, and tells the secret once', async () => {
  const { email } = await person()
  const { status, json, headers } = await logIn(email, PASSWORD, {}, { 'user-agent': 'a browser\t1.0' })
  assert.equal(status, 201)
  assert.match(json.token, /^ents_/)
  assert.equal(headers['cache-control'], 'no-store')
  assert.match(
    String(headers['set-cookie']),
    new RegExp(`^entrepot-session=${json.token}; .*HttpOnly; SameSite=Strict`),
  )
  assert.equal(await me(bearer(json.token)), 200)
  const byCookie = await world.call('GET', '/api/v1/sessions', {
    headers: { cookie: `entrepot-session=${json.token}` },
  })
  assert.ok(!byCookie.text.includes(json.token.slice(16)))
  const [listed] = byCookie.json.items
  assert.deepEqual(
    [listed.id, listed.contract, listed.current, listed.userAgent],
    [json.id, one, true, 'a browser 1.0'],
  )
  assert.equal(Date.parse(listed.expiresAt) - Date.parse(listed.lastUsedAt), 12 * HOUR)
})

const refusedLogins = [
  { name: 'a wrong password', password: 'wrong horse battery', status: 401 },
  { name: 'an unknown address', email: 'nobody@example.com', status: 401 },
  { name: 'no address', email: 'nobody', status: 401 },
  { name: 'a contract of others', more: { contract: 2 }, status: 403 },
  { name: 'a contract that is none', more: { contract: 0 }, status: 400 },
  { name: 'another site', headers: { origin: 'http://evil.test' }, status: 403 },
  { name: 'a word too many', more: { otp: '1' }, status: 400 },
]
for (const { name, email, password = PASSWORD, more = {}, headers = {}, status } of refusedLogins) {
  test(`sessions: no login with ${name}`, async () => {
    const answer = await logIn(email ?? 'root@example.com', password, more, headers)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.headers['set-cookie'], undefined)
  })
}

test('sessions: an API key is no password for a login', async () => {
  const { email } = await person()
  assert.equal((await logIn(email, (await world.people.apiKey(one, email)).text)).status, 401)
})

test('sessions: a login ends the session it came with', async () => {
  const { email } = await person()
  const first = (await logIn(email)).json.token
  const cookie = `entrepot-session=${first}`
  const second = (await logIn(email, PASSWORD, {}, { cookie, origin: 'http://cr.test' })).json.token
  assert.deepEqual([await me(bearer(first)), await me(bearer(second))], [401, 200])
})

test('sessions: one’s own are listed and ended, one by one, all others, the current one', async () => {
  const { email } = await person()
  const tokens = [await logIn(email), await logIn(email), await logIn(email), await logIn(email)].map(
    ({ json }) => json,
  )
  const alive = async () => await Promise.all(tokens.map(({ token }) => me(bearer(token))))
  const [a, b, c] = tokens
  const end = (path: string, token: string) => world.call('DELETE', `/api/v1/sessions${path}`, { as: bearer(token) })
  assert.equal((await end(`/${b.id}`, a.token)).status, 204)
  assert.deepEqual(await alive(), [200, 401, 200, 200])
  assert.equal((await end(`/${b.id}`, a.token)).status, 404)
  assert.deepEqual((await end('', a.token)).json, { ended: 2 })
  assert.deepEqual(await alive(), [200, 401, 401, 401])
  const out = await end('/current', a.token)
  assert.deepEqual([out.status, /^entrepot-session=;/.test(String(out.headers['set-cookie']))], [204, true])
  assert.deepEqual(await alive(), [401, 401, 401, 401])
  const stranger = await person()
  const foreign = (await logIn(stranger.email)).json
  assert.equal(
    (await world.call('DELETE', `/api/v1/sessions/${foreign.id}`, { as: basic(email, PASSWORD) })).status,
    404,
  )
  assert.equal((await end(`/${c.id}`, foreign.token)).status, 404)
})

test('sessions: neither keys nor logins of one contract see those of the person', async () => {
  const { email, as } = await person()
  await world.people.user(two, email, { linkExisting: true })
  await logIn(email)
  const key = await world.people.apiKey(one, email)
  assert.equal((await world.call('GET', '/api/v1/sessions', { as: bearer(key.text) })).status, 403)
  const bound = bearer(await world.people.session(two, email, { bound: true }))
  const seen = (await world.call('GET', '/api/v1/sessions', { as: bound })).json.items
  assert.deepEqual(
    seen.map(({ contract, singleSignOn }: { contract: number; singleSignOn: boolean }) => [contract, singleSignOn]),
    [[two, true]],
  )
  assert.deepEqual((await world.call('DELETE', '/api/v1/sessions', { as: bound })).json, { ended: 0 })
  assert.equal((await world.call('GET', '/api/v1/sessions', { as })).json.items.length, 2)
  const contracts = await world.call('GET', '/api/v1/me/contracts', { as: bound })
  assert.deepEqual(
    contracts.json.items.map(({ contract }: { contract: number }) => contract),
    [two],
  )
})

test('me: the name one goes by', async () => {
  const { as } = await person()
  const change = (displayName: unknown) => world.call('PATCH', '/api/v1/me', { as, body: { displayName } })
  assert.deepEqual((await change(' Ann Example ')).json, { displayName: 'Ann Example', hasPassword: true })
  assert.equal((await change('two\nlines')).status, 400)
  assert.equal((await change('x'.repeat(101))).status, 400)
  assert.deepEqual((await change(null)).json, { displayName: null, hasPassword: true })
})

test('password: the current one is asked; other sessions end, this one and keys stay', async () => {
  const { email } = await person()
  const [here, there] = [(await logIn(email)).json.token, (await logIn(email)).json.token]
  const key = bearer((await world.people.apiKey(one, email)).text)
  const change = (currentPassword: string, password: string) =>
    world.call('PUT', '/api/v1/me/password', { as: bearer(here), body: { currentPassword, password } })
  const wrong = await change('wrong horse battery', 'a new one entirely')
  assert.deepEqual([wrong.status, wrong.json.detail], [403, 'currentPassword is wrong'])
  assert.equal((await change(PASSWORD, 'short')).status, 400)
  assert.equal((await change(PASSWORD, 'a new one entirely')).status, 204)
  assert.deepEqual([await me(bearer(here)), await me(bearer(there)), await me(key)], [200, 401, 200])
  assert.deepEqual([(await logIn(email)).status, (await logIn(email, 'a new one entirely')).status], [401, 201])
})

test('password: neither a key nor a login of one contract changes what is the person’s', async () => {
  const { email } = await person()
  const given = [(await world.people.apiKey(one, email)).text, await world.people.session(one, email, { bound: true })]
  for (const secret of given) {
    const as = bearer(secret)
    const body = { currentPassword: PASSWORD, password: 'a new one entirely' }
    assert.equal((await world.call('PUT', '/api/v1/me/password', { as, body })).status, 403)
    assert.equal((await world.call('PATCH', '/api/v1/me', { as, body: { displayName: 'x' } })).status, 403)
  }
})

test('password: guessing the current one is braked like a login', async () => {
  const { email } = await person()
  const token = (await logIn(email)).json.token
  const body = (guess: number) => ({ currentPassword: `guess number ${guess}`, password: 'a new one entirely' })
  const statuses: number[] = []
  for (let guess = 0; guess < 11; guess++) {
    statuses.push((await world.call('PUT', '/api/v1/me/password', { as: bearer(token), body: body(guess) })).status)
  }
  assert.deepEqual([statuses[0], statuses[10]], [403, 429])
})

const badKeys = [
  { name: 'no name', body: { name: ' ' }, status: 400 },
  { name: 'a name with a colon', body: { name: 'a:b' }, status: 400 },
  { name: 'an expiry in the past', body: { name: 'x', expiresAt: '2020-01-01T00:00:00Z' }, status: 400 },
  { name: 'an expiry that is no time', body: { name: 'x', expiresAt: 'tomorrow' }, status: 400 },
  { name: 'an unknown action', body: { name: 'x', actions: ['manage'] }, status: 400 },
  { name: 'a misspelt limit', body: { name: 'x', readonly: true }, status: 400 },
  {
    name: 'an absent registry',
    body: { name: 'x', registries: ['6f1c7f0a-4f0e-4b57-9d0c-2c1f3f7d9a11'] },
    status: 404,
  },
]
for (const { name, body, status } of badKeys) {
  test(`api keys: refused with ${name}`, async () => {
    const answer = await world.call('POST', '/api/v1/api-keys', { as: basic('root@example.com', PASSWORD), body })
    assert.equal(answer.status, status, answer.text)
  })
}

test('api keys: names are unique per person and contract; a key’s key does not outlive it', async () => {
  const { email, as } = await person()
  await world.people.user(two, email, { linkExisting: true })
  const make = (auth: string, body: object, contract = one) =>
    world.call('POST', '/api/v1/api-keys', { as: auth, body, headers: { 'x-contract-number': String(contract) } })
  const expiresAt = new Date(world.people.clock + HOUR).toISOString()
  const first = await make(as, { name: 'laptop', expiresAt })
  assert.equal(first.status, 201)
  assert.equal((await make(as, { name: 'laptop' })).status, 409)
  assert.equal((await make(as, { name: 'laptop' }, two)).status, 201)
  const key = bearer(first.json.secret)
  assert.equal((await make(key, { name: 'longer' })).status, 403)
  assert.equal((await make(key, { name: 'shorter', expiresAt })).status, 201)
  world.people.clock += HOUR
  assert.equal(await me(key), 401)
})

test('api keys: a person sees their own, administrators all of the contract, and revoke them', async () => {
  const [ann, bob, admin] = [await person(), await person(), await person('admin')]
  const made = await world.call('POST', '/api/v1/api-keys', { as: ann.as, body: { name: 'mine' } })
  const path = `/api/v1/api-keys/${made.json.id}`
  const sees = async (as: string) => [
    (await world.call('GET', path, { as })).status,
    (await world.call('GET', '/api/v1/api-keys?limit=1000', { as })).json.items.some(
      ({ id }: { id: string }) => id === made.json.id,
    ),
  ]
  assert.deepEqual(
    [await sees(ann.as), await sees(bob.as), await sees(admin.as)],
    [
      [200, true],
      [404, false],
      [200, true],
    ],
  )
  const limited = await world.people.apiKey(one, admin.email, { actions: ['pull'] })
  assert.deepEqual(await sees(bearer(limited.text)), [404, false])
  assert.equal((await world.call('DELETE', path, { as: bob.as })).status, 404)
  assert.equal((await world.call('DELETE', path, { as: admin.as })).status, 204)
  assert.equal(await me(bearer(made.json.secret)), 401)
})

test('everything is audited, and no secret is in it', async () => {
  const rows = await world.people.transact((sql) => sql.all<{ action: string }>`SELECT * FROM audit_events`)
  const actions = new Set(rows.map(({ action }) => action))
  for (const action of [
    'session.create',
    'session.end',
    'user.change-profile',
    'user.set-password',
    'api-key.create',
    'api-key.revoke',
  ]) {
    assert.ok(actions.has(action), action)
  }
  assert.doesNotMatch(JSON.stringify(rows), /ent[kls]_|argon2|correct horse|a new one entirely/)
})
