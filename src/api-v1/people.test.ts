import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiWorld, basic, bearer } from '../../test/support/api-world.ts'

const ABSENT = '6f1c7f0a-4f0e-4b57-9d0c-2c1f3f7d9a11'
const PASSWORD = 'correct horse battery'

let world: ApiWorld
let one: number
let two: number
let who: Record<'owner' | 'admin' | 'member' | 'other' | 'operator', string>
before(async () => {
  world = await ApiWorld.open()
  one = await world.people.contract('Acme')
  two = await world.people.contract('Globex')
  who = {
    owner: await world.login(one, 'owner@one.example', 'owner'),
    admin: await world.login(one, 'admin@one.example', 'admin'),
    member: await world.login(one, 'member@one.example', 'member'),
    other: await world.login(two, 'owner@two.example', 'owner'),
    operator: await world.login(two, 'ops@two.example', 'member'),
  }
  await world.people.change((sql) => sql.run`UPDATE identities SET is_operator = 1 WHERE email = ${'ops@two.example'}`)
})
after(() => world[Symbol.asyncDispose]())

type As = keyof typeof who
const call = (method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, as: As | null, body?: unknown) =>
  world.call(method, `/api/v1${url}`, { ...(as && { as: who[as] }), body })

async function idOf(email: string, as: As = 'admin'): Promise<string> {
  const { json } = await call('GET', '/people?limit=1000', as)
  const found = json.items.find((person: { email: string }) => person.email === email)
  assert.ok(found, `${email} is in the list`)
  return found.userId
}

async function join(email: string, role = 'member', as: As = 'owner'): Promise<string> {
  const invited = await call('POST', '/invitations', as, { email, role })
  assert.equal(invited.status, 201, invited.text)
  const redeemed = await call('POST', '/account-links/redeem', null, {
    secret: invited.json.secret,
    password: PASSWORD,
  })
  assert.equal(redeemed.status, 200, redeemed.text)
  return await idOf(email, as)
}

test('people: pages of the contract, and nobody of another one', async () => {
  const seen: string[] = []
  let next: string | null = null
  do {
    const after: string = next === null ? '' : `&after=${encodeURIComponent(next)}`
    const { json } = await call('GET', `/people?limit=2${after}`, 'admin')
    seen.push(...json.items.map(({ email }: { email: string }) => email))
    next = json.next
  } while (next !== null)
  assert.ok(seen.includes('owner@one.example') && seen.includes('member@one.example'))
  assert.ok(seen.every((email) => email.endsWith('@one.example')))
  assert.equal((await call('GET', '/people', 'member')).status, 403)
})

test('invitations: somebody new chooses a password with a link that works once', async () => {
  const invited = await call('POST', '/invitations', 'admin', {
    email: ' Ann@One.Example ',
    role: 'member',
    manageRegistry: true,
  })
  assert.equal(invited.status, 201, invited.text)
  const { secret, link, ...rest } = invited.json
  assert.match(secret, /^entl_/)
  assert.equal(link, `http://cr.test/ui/link#${secret}`)
  assert.equal(invited.headers['cache-control'], 'no-store')
  const listed = (await call('GET', '/invitations', 'admin')).json.items
  assert.deepEqual(
    listed.find(({ id }: { id: string }) => id === rest.id),
    rest,
  )
  const redeem = (body: unknown) => call('POST', '/account-links/redeem', null, body)
  assert.equal((await redeem({ secret, password: 'short' })).status, 400)
  assert.equal((await redeem({ secret })).status, 400)
  const opened = await redeem({ secret, password: PASSWORD })
  assert.deepEqual([opened.status, opened.json], [200, { kind: 'invite', email: 'ann@one.example', contract: one }])
  assert.equal(opened.headers['cache-control'], 'no-store')
  assert.equal((await redeem({ secret, password: PASSWORD })).status, 404)
  const me = await world.call('GET', '/api/v1/me', { as: basic('ann@one.example', PASSWORD) })
  assert.deepEqual([me.json.contract, me.json.role, me.json.manageRegistry], [one, 'member', true])
  const ids = (await call('GET', '/invitations', 'admin')).json.items.map(({ id }: { id: string }) => id)
  assert.ok(!ids.includes(rest.id))
})

test('invitations: the answer is the same whether the address has an account elsewhere or not', async () => {
  const shapeOf = async (email: string) => {
    const { status, json } = await call('POST', '/invitations', 'admin', { email })
    const { id: _, secret, link: __, email: ___, createdAt: ____, expiresAt: _____, ...rest } = json
    const tried = await call('POST', '/account-links/redeem', null, { secret, password: 'short' })
    return [status, rest, tried.status, tried.json.detail]
  }
  assert.deepEqual(await shapeOf('owner@two.example'), await shapeOf('nobody@nowhere.example'))
})

test('invitations: who has an account proves to be that person, by password or by being logged in', async () => {
  await world.people.user(two, 'eve@two.example', { password: PASSWORD })
  const invite = async () => (await call('POST', '/invitations', 'admin', { email: 'eve@two.example' })).json.secret
  const redeem = (secret: string, password: string | null, as?: string) =>
    world.call('POST', '/api/v1/account-links/redeem', { ...(as && { as }), body: { secret, password } })
  const secret = await invite()
  assert.equal((await redeem(secret, 'chosen by the administrator')).status, 401)
  assert.equal((await redeem(secret, null, who.admin)).status, 400)
  assert.equal(
    (await redeem(secret, null, bearer(await world.people.session(two, 'eve@two.example', { bound: true })))).status,
    400,
  )
  assert.equal((await redeem(secret, PASSWORD)).status, 200)
  const contracts = await world.call('GET', '/api/v1/me/contracts', { as: basic('eve@two.example', PASSWORD) })
  assert.deepEqual(
    contracts.json.items.map(({ contract, name }: { contract: number; name: string }) => [contract, name]),
    [
      [one, 'Acme'],
      [two, 'Globex'],
    ],
  )
  assert.equal((await call('POST', '/invitations', 'admin', { email: 'eve@two.example' })).status, 409)
  assert.equal((await call('DELETE', `/people/${await idOf('eve@two.example')}`, 'admin')).status, 204)
  const again = await redeem(await invite(), null, bearer(await world.people.session(two, 'eve@two.example')))
  assert.equal(again.status, 200, again.text)
  await call('DELETE', `/people/${await idOf('eve@two.example')}`, 'admin')
})

const deadLinks = [
  {
    name: 'a newer one',
    end: (id: string, email: string) => call('POST', '/invitations', 'admin', { email }).then(() => id),
  },
  { name: 'revoking it', end: (id: string) => call('DELETE', `/invitations/${id}`, 'admin') },
  {
    name: 'a week',
    end: async () => {
      world.people.clock += 7 * 86_400_000 + 60_000
    },
  },
]
for (const { name, end } of deadLinks) {
  test(`invitations: ${name} ends the link`, async () => {
    const email = `late-${name.replaceAll(' ', '-')}@one.example`
    const session = await world.people.session(one, 'admin@one.example')
    const { json } = await world.call('POST', '/api/v1/invitations', { as: bearer(session), body: { email } })
    await end(json.id, email)
    const opened = await call('POST', '/account-links/redeem', null, { secret: json.secret, password: PASSWORD })
    assert.equal(opened.status, 404, opened.text)
    who.admin = bearer(await world.people.session(one, 'admin@one.example'))
    who.owner = bearer(await world.people.session(one, 'owner@one.example'))
    who.member = bearer(await world.people.session(one, 'member@one.example'))
    who.other = bearer(await world.people.session(two, 'owner@two.example'))
    who.operator = bearer(await world.people.session(two, 'ops@two.example'))
  })
}

const ownersOnly = [
  {
    name: 'invites an owner',
    act: () => call('POST', '/invitations', 'admin', { email: 'x@one.example', role: 'owner' }),
  },
  {
    name: 'makes an owner',
    act: async () => call('PATCH', `/people/${await idOf('member@one.example')}`, 'admin', { role: 'owner' }),
  },
  {
    name: 'demotes an owner',
    act: async () => call('PATCH', `/people/${await idOf('owner@one.example')}`, 'admin', { role: 'member' }),
  },
  {
    name: 'disables an owner',
    act: async () => call('PATCH', `/people/${await idOf('owner@one.example')}`, 'admin', { disabled: true }),
  },
  { name: 'removes an owner', act: async () => call('DELETE', `/people/${await idOf('owner@one.example')}`, 'admin') },
  {
    name: "resets an owner's password",
    act: async () => call('POST', `/people/${await idOf('owner@one.example')}/reset-link`, 'admin'),
  },
]
for (const { name, act } of ownersOnly) {
  test(`owners: no administrator ${name}`, async () => {
    const answer = await act()
    assert.equal(answer.status, 403, answer.text)
    assert.match(answer.json.detail, /only an owner/)
  })
}

test('owners: the last one stays an owner, enabled and a member', async () => {
  const id = await idOf('owner@one.example')
  const attempts = [
    await call('PATCH', `/people/${id}`, 'owner', { role: 'admin' }),
    await call('PATCH', `/people/${id}`, 'owner', { disabled: true }),
    await call('DELETE', `/people/${id}`, 'owner'),
  ]
  assert.deepEqual(
    attempts.map(({ status }) => status),
    [409, 409, 409],
  )
  const second = await join('second@one.example', 'owner')
  const disabled = await call('PATCH', `/people/${second}`, 'owner', { disabled: true })
  assert.deepEqual([disabled.status, disabled.json.disabled], [200, true])
  assert.equal((await call('PATCH', `/people/${id}`, 'owner', { role: 'admin' })).status, 409)
  assert.equal((await call('DELETE', `/people/${second}`, 'owner')).status, 204)
})

test('people: a role taken away and a disabled membership hold at once; enabled, all is as before', async () => {
  const id = await join('bob@one.example', 'admin')
  const as = basic('bob@one.example', PASSWORD)
  const { text } = await world.people.apiKey(one, 'bob@one.example')
  const uses = async () => [
    (await world.call('GET', '/api/v1/people', { as })).status,
    (await world.call('GET', '/registries', { as: bearer(text) })).status,
  ]
  assert.deepEqual(await uses(), [200, 200])
  await call('PATCH', `/people/${id}`, 'owner', { role: 'member' })
  assert.deepEqual(await uses(), [403, 200])
  await call('PATCH', `/people/${id}`, 'owner', { role: 'admin', disabled: true })
  assert.deepEqual(await uses(), [401, 401])
  await call('PATCH', `/people/${id}`, 'owner', { disabled: false })
  assert.deepEqual(await uses(), [200, 200])
  assert.equal((await call('DELETE', `/people/${id}`, 'owner')).status, 204)
  assert.deepEqual(await uses(), [401, 401])
})

test('people: foreign ones are as unknown as nobody', async () => {
  const foreign = await idOf('owner@two.example', 'other')
  const ask = async (id: string) => {
    const answers = [
      await call('GET', `/people/${id}`, 'owner'),
      await call('PATCH', `/people/${id}`, 'owner', { role: 'member' }),
      await call('DELETE', `/people/${id}`, 'owner'),
      await call('POST', `/people/${id}/reset-link`, 'owner'),
    ]
    return answers.map(({ status, text }) => [status, text.replaceAll(id, 'ID')])
  }
  const absent = await ask(ABSENT)
  assert.deepEqual(await ask(foreign), absent)
  assert.ok(absent.every(([status]) => status === 404))
})

test('reset links: a new password, once; sessions end', async () => {
  const id = await join('carl@one.example')
  const session = bearer(await world.people.session(one, 'carl@one.example'))
  const { json, status } = await call('POST', `/people/${id}/reset-link`, 'admin')
  assert.equal(status, 201)
  assert.equal(json.link, `http://cr.test/ui/link#${json.secret}`)
  const redeem = (password: string) => call('POST', '/account-links/redeem', null, { secret: json.secret, password })
  assert.equal((await redeem('short')).status, 400)
  const opened = await redeem('a new one entirely')
  assert.deepEqual(opened.json, { kind: 'reset', email: 'carl@one.example', contract: null })
  assert.equal((await redeem('another one again')).status, 404)
  const logsIn = async (password: string) =>
    (await call('POST', '/sessions', null, { email: 'carl@one.example', password })).status
  assert.deepEqual([await logsIn(PASSWORD), await logsIn('a new one entirely')], [401, 201])
  assert.equal((await world.call('GET', '/api/v1/me', { as: session })).status, 401)
})

test('reset links: made for somebody who joins another contract or becomes owner, they are void', async () => {
  const joins = await join('dora@one.example')
  const first = (await call('POST', `/people/${joins}/reset-link`, 'admin')).json.secret
  await world.people.user(two, 'dora@one.example', { linkExisting: true })
  const open = (secret: string) => call('POST', '/account-links/redeem', null, { secret, password: 'taken over today' })
  assert.equal((await open(first)).status, 404)
  const denied = await call('POST', `/people/${joins}/reset-link`, 'admin')
  assert.deepEqual([denied.status, /only dora@one.example or the operator/.test(denied.json.detail)], [403, true])
  const rises = await join('emil@one.example')
  const second = (await call('POST', `/people/${rises}/reset-link`, 'admin')).json.secret
  await call('PATCH', `/people/${rises}`, 'owner', { role: 'owner' })
  assert.equal((await open(second)).status, 404)
  await call('PATCH', `/people/${rises}`, 'owner', { role: 'member' })
})

test('operator: resets anybody’s password, and the contract’s audit log tells', async () => {
  const id = await idOf('owner@one.example', 'owner')
  assert.equal((await call('POST', `/contracts/${one}/people/${id}/reset-link`, 'owner')).status, 403)
  const made = await call('POST', `/contracts/${one}/people/${id}/reset-link`, 'operator')
  assert.equal(made.status, 201, made.text)
  const opened = await call('POST', '/account-links/redeem', null, {
    secret: made.json.secret,
    password: 'by the operator',
  })
  assert.equal(opened.status, 200)
  who.owner = bearer(await world.people.session(one, 'owner@one.example'))
  const { json } = await call('GET', '/audit?action=user.reset-link&subject=owner@one.example', 'owner')
  assert.equal(json.items[0].actor, 'ops@two.example')
  assert.deepEqual(
    (await call('GET', `/contracts/${one}/people`, 'operator')).json.items.length,
    (await call('GET', '/people', 'owner')).json.items.length,
  )
})

test('contracts: an operator founds one, its owner takes it over, and it ends', async () => {
  const founded = await call('POST', '/contracts', 'operator', { name: 'Initech', ownerEmail: 'peter@initech.example' })
  assert.equal(founded.status, 201, founded.text)
  const { contract, invitation } = founded.json
  assert.deepEqual([invitation.role, invitation.link], ['owner', `http://cr.test/ui/link#${invitation.secret}`])
  const again = await call('POST', `/contracts/${contract}/owner-invitation`, 'operator', {
    email: 'bill@initech.example',
  })
  assert.equal(again.status, 201)
  await call('POST', '/account-links/redeem', null, { secret: invitation.secret, password: PASSWORD })
  const late = await call('POST', `/contracts/${contract}/owner-invitation`, 'operator', { email: 'x@initech.example' })
  assert.deepEqual([late.status, /has an owner/.test(late.json.detail)], [409, true])
  const as = basic('peter@initech.example', PASSWORD)
  const changed = await world.call('PATCH', '/api/v1/contract', {
    as,
    body: { name: 'Initrode', maxTokenLifetimeSeconds: 86_400 },
  })
  assert.deepEqual([changed.json.name, changed.json.maxTokenLifetimeSeconds], ['Initrode', 86_400])
  await world.people.registry(contract, 'initech')
  const state = async (wanted: string) =>
    (await call('PATCH', `/contracts/${contract}`, 'operator', { state: wanted })).json.state
  const me = async () => (await world.call('GET', '/api/v1/me', { as })).status
  assert.deepEqual([await state('suspended'), await me()], ['suspended', 401])
  assert.deepEqual([await state('active'), await me()], ['active', 200])
  const deleted = await world.call('DELETE', '/api/v1/contract', { as })
  assert.deepEqual([deleted.status, deleted.json.registries], [200, 1])
  assert.equal(await me(), 401)
  const left = await call('GET', `/contracts/${contract}`, 'operator')
  assert.equal(left.json.state, 'deleted')
  assert.equal((await call('DELETE', `/contracts/${contract}`, 'operator')).status, 404)
  assert.equal(
    (await call('POST', '/account-links/redeem', null, { secret: again.json.secret, password: PASSWORD })).status,
    404,
  )
  const hidden = await world.people.transact(
    (sql) => sql.get`
      SELECT 1 AS one FROM registries r JOIN deletions d ON d.id = r.delete_id AND d.registry_id = r.id
        JOIN gc_candidates c ON c.subject_id = d.id AND c.kind = 'deletion' WHERE r.name = ${'initech'}`,
  )
  assert.ok(hidden)
})

test('contracts: the operators’ own is neither suspended nor deleted under them', async () => {
  assert.equal((await call('PATCH', `/contracts/${two}`, 'operator', { state: 'suspended' })).status, 409)
  assert.equal((await call('DELETE', `/contracts/${two}`, 'operator')).status, 409)
  assert.equal((await call('DELETE', '/contract', 'other')).status, 409)
  assert.equal((await call('GET', '/contract', 'other')).json.state, 'active')
})

test('contracts: for operators alone; one’s own for its members', async () => {
  for (const as of ['owner', 'admin', 'member'] as const) {
    assert.equal((await call('GET', '/contracts', as)).status, 403)
    assert.equal((await call('GET', `/contracts/${one}`, as)).status, 403)
    assert.equal((await call('GET', '/contract', as)).json.contract, one)
  }
  assert.equal((await call('PATCH', '/contract', 'member', { name: 'x' })).status, 403)
  assert.equal((await call('DELETE', '/contract', 'admin')).status, 403)
  assert.equal((await call('GET', '/contracts/999', 'operator')).status, 404)
})
