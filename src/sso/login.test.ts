import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import type { Lies } from '../../test/support/identity-provider.ts'
import { ADMIN, kindOf, REDIRECT_URI, SsoWorld } from '../../test/support/sso-world.ts'
import type { DomainError } from '../domain/error.ts'
import type { Provider } from './provider-values.ts'

let world: SsoWorld
let contract: number
let acme: Provider

before(async () => {
  world = await SsoWorld.open()
  contract = await world.people.contract()
  acme = await world.provider(contract)
})
beforeEach(() => {
  world.idp.lies = {}
  world.idp.person = { sub: 'ann', email: 'Ann@IdP.example', groups: ['dev'] }
  world.refusals.length = 0
})
after(() => world[Symbol.asyncDispose]())

test('beginLogin: code flow with PKCE by S256, state and nonce; the browser gets a cookie that it cannot read', async () => {
  const { location, cookie } = await world.begin(acme)
  const asked = Object.fromEntries(location.searchParams)
  assert.equal(location.origin + location.pathname, `${world.idp.issuer}/authorize`)
  const { state = '', nonce = '', code_challenge: challenge = '', ...rest } = asked
  assert.deepEqual(rest, {
    client_id: 'entrepot',
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge_method: 'S256',
  })
  for (const one of [state, nonce, challenge]) assert.match(one, /^[\w-]{43}$/)
  assert.match(cookie.name, /^entrepot-sso-[0-7]$/)
  assert.equal(cookie.maxAgeSeconds, 600)
  const inside = Buffer.from(cookie.value, 'base64url').toString('latin1')
  for (const secret of [state, nonce, acme.id]) assert.ok(!inside.includes(secret) && !cookie.value.includes(secret))
  assert.ok(cookie.value.length < 1_500)
})

test('finishLogin: a person is made, with a session that opens this contract', async () => {
  const start = await world.begin(acme)
  const signedOn = await world.finish(start)
  assert.equal(signedOn.returnTo, '/ui/x')
  assert.equal(signedOn.cookieName, start.cookie.name)
  const person = await world.whoIs(signedOn)
  assert.deepEqual(
    [person.email, person.contractId, person.role, person.manageRegistry, person.session?.bound],
    ['ann@idp.example', contract, 'member', false, true],
  )
  const token = world.idp.requests.findLast(({ path }) => path === '/token')
  assert.equal(token?.authorization, `Basic ${Buffer.from('entrepot:s3cr3t').toString('base64')}`)
  const { code_verifier: verifier = '', ...form } = Object.fromEntries(token?.form ?? [])
  assert.deepEqual(form, { grant_type: 'authorization_code', code: 'code', redirect_uri: REDIRECT_URI })
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  assert.equal(challenge, start.location.searchParams.get('code_challenge'))
})

test('finishLogin: any process can finish what another one began', async () => {
  const there = world.node()
  const start = await world.begin(acme, there)
  assert.equal(await kindOf(world.finish(start)), 'ok')
})

const UNVERIFIED = /could not be verified/
const lies: readonly { name: string; lies: Lies; kind?: string; says?: RegExp }[] = [
  { name: 'another issuer', lies: { claims: { iss: 'https://evil.example' } } },
  { name: 'another audience', lies: { claims: { aud: 'somebody' } } },
  { name: 'several audiences without azp', lies: { claims: { aud: ['entrepot', 'somebody'] } } },
  { name: 'several audiences for somebody else', lies: { claims: { aud: ['entrepot', 'x'], azp: 'x' } } },
  { name: 'another nonce', lies: { claims: { nonce: 'another' } } },
  { name: 'no nonce', lies: { claims: { nonce: undefined } } },
  { name: 'an ID token that is over', lies: { claims: { exp: Date.UTC(2025, 11, 31) / 1000 } } },
  { name: 'an ID token without end', lies: { claims: { exp: undefined } } },
  { name: 'an ID token of the future', lies: { claims: { nbf: Date.UTC(2026, 5, 1) / 1000 } } },
  { name: 'no subject', lies: { claims: { sub: undefined } } },
  { name: 'a subject that is no text', lies: { claims: { sub: 7 } } },
  { name: 'no ID token', lies: { token: { id_token: undefined } } },
  { name: 'an ID token that is none', lies: { token: { id_token: 'a.b.c' } } },
  { name: 'a signature by another key', lies: { otherKey: true } },
  { name: 'a signature that was changed', lies: { signature: 'flipped' } },
  { name: 'no signature', lies: { signature: 'none' } },
  { name: 'a signature by the client secret', lies: { signature: 'HS256' } },
  { name: 'a key that is in no set', lies: { header: { kid: 'unknown' } } },
  { name: 'an algorithm that it does not offer', lies: { header: { alg: 'RS256' } } },
  { name: 'a critical header', lies: { header: { crit: ['x'], x: 1 } } },
  {
    name: 'that the code is over',
    lies: { tokenStatus: 400, token: { error: 'invalid_grant', error_description: '<script>' } },
    says: /took too long or was used already/,
  },
  {
    name: 'that it does not know us',
    lies: { tokenStatus: 401, token: { error: 'invalid_client' } },
    kind: 'denied',
    says: /refuses this registry/,
  },
  { name: 'an error of its own', lies: { tokenStatus: 500, token: {} } },
  { name: 'too much', lies: { token: { x: 'x'.repeat(200_000) } }, kind: 'unavailable', says: /does not answer/ },
  { name: 'no e-mail', lies: { claims: { email: undefined, sub: 'new' } }, kind: 'denied', says: /e-mail/ },
  { name: 'an e-mail that is none', lies: { claims: { email: 'ann', sub: 'new' } }, kind: 'denied', says: /e-mail/ },
  {
    name: 'an e-mail that is not verified',
    lies: { claims: { email: 'new@idp.example', email_verified: false, sub: 'new' } },
    kind: 'denied',
    says: /not verified/,
  },
]
for (const { name, lies: told, kind = 'unauthenticated', says = UNVERIFIED } of lies) {
  test(`finishLogin: the provider says ${name}`, async () => {
    const start = await world.begin(acme)
    world.idp.lies = told
    await assert.rejects(world.finish(start), (error: DomainError) => {
      assert.equal(error.kind, kind, String(error.stack))
      assert.match(error.message, says)
      assert.doesNotMatch(error.message, /127\.0\.0\.1|script|secret|sub/)
      return true
    })
    assert.equal(world.refusals.length, 1)
    assert.match(world.refusals[0] ?? '', /Acme/)
  })
}

const callbacks = [
  { name: 'another state', query: { state: 'x'.repeat(43) } },
  { name: 'no state', query: { state: '' } },
  { name: 'a state that is too long', query: { state: 'x'.repeat(9_000) } },
  { name: 'an issuer that is another one', query: { iss: 'https://evil.example' } },
  { name: 'no code', query: { code: '' } },
  { name: 'that the person said no', query: { error: 'access_denied' }, kind: 'denied' },
  { name: 'that it has a problem', query: { error: 'server_error' }, kind: 'unavailable' },
  {
    name: 'an error that somebody made up',
    query: { error: '<b>call 555</b>', error_description: 'x' },
    kind: 'denied',
  },
] as const
for (const { name, query, ...rest } of callbacks) {
  test(`finishLogin: the callback brings ${name}`, async () => {
    const start = await world.begin(acme)
    await assert.rejects(world.finish(start, query), (error: DomainError) => {
      assert.equal(error.kind, 'kind' in rest ? rest.kind : 'unauthenticated', String(error.stack))
      assert.doesNotMatch(error.message, /555/)
      return true
    })
  })
}

test('finishLogin: a callback with the same parameter twice is refused', async () => {
  const start = await world.begin(acme)
  const state = start.location.searchParams.get('state') ?? ''
  const cookie = () => start.cookie.value
  for (const query of [`state=${state}&code=a&code=b`, `state=${state}&state=${state}&code=a`]) {
    const asked = world.sso.finishLogin({ query, cookie, address: '192.0.2.1', userAgent: null })
    assert.equal(await kindOf(asked), 'unauthenticated')
  }
})

test('finishLogin: in another browser, or with the cookie of another sign-on, nothing happens', async () => {
  const [mine, other] = [await world.begin(acme), await world.begin(acme)]
  const asked = world.idp.asked('/token')
  for (const value of [null, '', 'x', other.cookie.value, mine.cookie.value.slice(0, -4), `A${mine.cookie.value}`]) {
    const state = mine.location.searchParams.get('state')
    const callback = { query: `code=c&state=${state}`, cookie: () => value, address: '192.0.2.1', userAgent: null }
    await assert.rejects(world.sso.finishLogin(callback), {
      kind: 'unauthenticated',
      message: /did not begin in this browser/,
    })
  }
  assert.equal(world.idp.asked('/token'), asked)
})

test('finishLogin: one sign-on gives one session, in whichever process it is tried again', async () => {
  const start = await world.begin(acme)
  const there = world.node()
  const done = await Promise.all([kindOf(world.finish(start)), kindOf(world.finish(start, {}, there))])
  assert.deepEqual(done.sort(), ['ok', 'unauthenticated'])
  await assert.rejects(world.finish(start), { message: /used already/ })
})

test('finishLogin: ten minutes is what a sign-on has', async () => {
  const before = world.people.clock
  const [slow, fast] = [await world.begin(acme), await world.begin(acme)]
  world.people.clock = before + 599_999
  world.idp.nonce = fast.location.searchParams.get('nonce') ?? ''
  assert.equal(await kindOf(world.finish(fast)), 'ok')
  world.people.clock = before + 600_000
  assert.equal(await kindOf(world.finish(slow)), 'unauthenticated')
})

test('spent states are forgotten once they could not be used anyway', async () => {
  const start = await world.begin(acme)
  await world.finish(start)
  assert.equal(await world.sso.forgetSpentStates(), 0)
  world.people.clock += 600_000 + 3_660_000
  assert.ok((await world.sso.forgetSpentStates()) > 0)
  assert.equal(await kindOf(world.finish(start)), 'unauthenticated')
  assert.equal(await world.sso.forgetSpentStates(), 0)
})

test('finishLogin: signing keys are kept, and looked up again when the provider has new ones', async () => {
  const there = world.node()
  const login = async () => kindOf(world.finish(await world.begin(acme, there), {}, there))
  assert.equal(await login(), 'ok')
  const asked = world.idp.asked('/keys')
  assert.equal(await login(), 'ok')
  assert.equal(world.idp.asked('/keys'), asked)
  world.idp.rotateKey()
  world.people.clock += 600_000
  assert.equal(await login(), 'ok')
  assert.equal(world.idp.asked('/keys'), asked + 1)
})

test('finishLogin: what the ID token leaves out is asked of the userinfo endpoint, for the same subject only', async () => {
  const { email, groups } = { email: 'eve@idp.example', groups: ['dev'] }
  world.idp.lies = { configuration: { userinfo_endpoint: `${world.idp.issuer}/userinfo` } }
  world.people.clock += 600_000
  world.idp.person = { sub: 'eve' }
  const told = { ...world.idp.lies, userinfo: { email, groups } }
  world.idp.lies = told
  assert.equal(await world.tries(acme), 'ok')
  world.idp.lies = { ...told, userinfo: { email, groups, sub: 'ann' } }
  assert.equal(await world.tries(acme), 'unauthenticated')
})

test('beginLogin: unknown, disabled and suspended read the same', async () => {
  const other = await world.people.contract()
  const off = await world.provider(other, { name: 'off', enabled: false })
  const suspended = await world.people.contract()
  const gone = await world.provider(suspended)
  await world.people.accounts.setContractState(
    { contractId: suspended, state: 'suspended' },
    { label: 'x', address: null, role: 'operator' },
  )
  const messages = new Set<string>()
  for (const provider of [off, gone, { ...off, id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8' }, { ...off, id: 'x' }]) {
    await assert.rejects(world.begin(provider), ({ kind, message }: DomainError) => {
      messages.add(message)
      return kind === 'not_found'
    })
  }
  assert.equal(messages.size, 1)
})

test('finishLogin: a provider that was switched off meanwhile lets nobody in', async () => {
  const start = await world.begin(acme)
  await world.sso.changeProvider(contract, acme.id, { enabled: false }, ADMIN)
  assert.equal(await kindOf(world.finish(start)), 'not_found')
  await world.sso.changeProvider(contract, acme.id, { enabled: true }, ADMIN)
  assert.equal(await kindOf(world.finish(start)), 'ok')
})

test('beginLogin: a provider that is gone', async () => {
  const there = world.node()
  world.idp.lies = { configurationStatus: 500 }
  assert.equal(await kindOf(world.begin(acme, there)), 'unavailable')
  await using lone = await SsoWorld.open()
  const provider = await lone.provider(await lone.people.contract())
  await lone.idp[Symbol.asyncDispose]()
  lone.people.clock += 600_000
  await assert.rejects(lone.begin(provider), { kind: 'unavailable', message: /does not answer/ })
})
