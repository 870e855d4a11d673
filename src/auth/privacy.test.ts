import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import { DomainError } from '../domain/error.ts'
import type { Action } from '../domain/permission.ts'
import { parseRepositoryName } from '../domain/repository-name.ts'
import { newSecret } from '../domain/secret.ts'
import type { Target } from './auth.ts'

// Who gets what answer, whatever exists: acme and closed belong to one contract, globex to another, nonesuch to nobody.

const EVERYTHING = [
  { type: 'repository', name: '*', actions: ['*'] },
  { type: 'registry', name: '*', actions: ['*'] },
]
const ACTIONS = ['ping', 'catalog', 'pull', 'push', 'delete'] as const
type Asked = (typeof ACTIONS)[number]

const world = await AuthWorld.open()
const contract = await world.contract()
const [acme, closed] = [
  await world.registry(contract, 'acme'),
  await world.registry(contract, 'closed', ['198.51.100.0/24']),
]
const globex = await world.registry(await world.contract('another'), 'globex')
const shown: Record<string, { authorization: string | undefined; registry?: string; service?: string }> = {}

after(() => world[Symbol.asyncDispose]())
beforeEach(() => world.transact((sql) => sql.run`DELETE FROM login_brakes`))

before(async () => {
  const full = await world.token(acme, 'full', EVERYTHING)
  const expired = await world.token(acme, 'expired', EVERYTHING, world.clock - 1)
  const disabled = await world.token(acme, 'disabled', EVERYTHING)
  const deleted = await world.token(acme, 'deleted', EVERYTHING)
  const foreign = await world.token(globex, 'full', EVERYTHING)
  const narrow = await world.token(acme, 'narrow', [{ type: 'repository', name: 'app', actions: ['pull'] }])
  const elsewhere = await world.token(acme, 'elsewhere', [{ type: 'repository', name: 'other/*', actions: ['*'] }])
  const bare = await world.token(acme, 'bare', [])
  const shut = await world.token(closed, 'shut', EVERYTHING)
  const revoked = await world.token(acme, 'revoked', EVERYTHING)
  const narrowed = await world.token(acme, 'narrowed', EVERYTHING)
  const outgrown = await world.token(acme, 'outgrown', EVERYTHING)
  await world.user(contract, 'ann@example.com', { password: 'correct horse', role: 'owner' })
  await world.user(contract, 'mia@example.com', { password: 'correct horse' })
  const key = await world.apiKey(contract, 'ann@example.com')
  const reader = await world.apiKey(contract, 'ann@example.com', { readOnly: true })
  const limited = await world.apiKey(contract, 'ann@example.com', { registryIds: [closed] })
  const session = await world.session(contract, 'ann@example.com')
  const pathStyle = await bearer(basic('full', full.password), 'entrepot', 'acme/app')
  const hostStyle = await bearer(basic('full', full.password), 'acme.cr.example', 'app')
  const toRevoke = await bearer(basic('revoked', revoked.password), 'entrepot', 'acme/app')
  const toNarrow = await bearer(basic('narrowed', narrowed.password), 'entrepot', 'acme/app')
  const old = await bearer(basic('outgrown', outgrown.password), 'entrepot', 'acme/app')
  Object.assign(shown, {
    'no credentials': { authorization: undefined },
    'an empty header': { authorization: '' },
    'wrong password': { authorization: basic('full', 'wrong') },
    'well-formed unknown secret': { authorization: basic('full', newSecret('ent').text) },
    'right password, wrong name': { authorization: basic('ful', full.password) },
    'wrong password of a person': { authorization: basic('ann@example.com', 'wrong horse') },
    'unknown person': { authorization: basic('eve@example.com', 'correct horse') },
    'expired token': { authorization: basic('expired', expired.password) },
    'disabled token': { authorization: basic('disabled', disabled.password) },
    'deleted token': { authorization: basic('deleted', deleted.password) },
    'bearer of a revoked token': { authorization: toRevoke },
    'bearer of path style replayed on host style': { authorization: pathStyle, service: 'acme.cr.example' },
    'bearer of host style replayed on path style': { authorization: hostStyle, service: 'entrepot' },
    'bearer of one host replayed on another': { authorization: hostStyle, service: 'globex.cr.example' },
    'bearer with a broken signature': { authorization: pathStyle.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')) },
    'API key as bearer': { authorization: `Bearer ${key.text}` },
    'session as bearer': { authorization: `Bearer ${session}` },
    'other registry’s token': { authorization: basic('full', foreign.password) },
    'token without scopes': { authorization: basic('bare', bare.password) },
    'scope on other repositories': { authorization: basic('elsewhere', elsewhere.password) },
    'too narrow a scope': { authorization: basic('narrow', narrow.password) },
    'address outside the allow list': { authorization: basic('shut', shut.password), registry: 'closed' },
    'person outside the allow list': { authorization: basic('ann@example.com', 'correct horse'), registry: 'closed' },
    'API key for another registry': { authorization: basic('ann@example.com', limited.text) },
    'bearer of pull, push and delete': { authorization: pathStyle },
    'bearer of a token narrowed since': { authorization: toNarrow },
    'bearer that has expired': { authorization: old },
    'full token': { authorization: basic('full', full.password) },
    owner: { authorization: basic('ann@example.com', 'correct horse') },
    'owner, typed in capitals': { authorization: basic('Ann@Example.COM', 'correct horse') },
    member: { authorization: basic('mia@example.com', 'correct horse') },
    'API key': { authorization: basic('ann@example.com', key.text) },
    'API key by its name': { authorization: basic('laptop', key.text) },
    'read-only API key': { authorization: basic(reader.name, reader.text) },
    'foreign token, its own registry': { authorization: basic('full', foreign.password), registry: 'globex' },
  })
  await world.disableToken(disabled.id)
  await world.deleteToken(deleted.id)
  await world.disableToken(revoked.id)
  await world.setScopes(narrowed.id, [{ type: 'repository', name: 'app', actions: ['pull'] }])
})

async function bearer(authorization: string, service: string, name: string): Promise<string> {
  const scopes = [`repository:${name}:*`]
  const issued = await world.auth.issueToken({
    authorization,
    address: ADDRESS,
    service,
    scopes,
    grant: null,
    offline: false,
  })
  return `Bearer ${issued.token}`
}

function targetOf(asked: Asked, registry: string): Target {
  if (asked === 'ping') return { kind: 'ping' }
  if (asked === 'catalog') return { kind: 'catalog', registry }
  return { kind: 'repository', registry, repository: parseRepositoryName('app'), action: asked }
}

/** What happens to each action in turn: ok, or the kind of the error. */
async function outcomes(name: string): Promise<string[]> {
  const { authorization, registry = 'acme', service = 'entrepot' } = shown[name] ?? assert.fail(name)
  const found: string[] = []
  for (const asked of ACTIONS) found.push(await outcome({ authorization, service }, targetOf(asked, registry)))
  return found
}

async function outcome(
  credentials: { authorization: string | undefined; service: string },
  target: Target,
): Promise<string> {
  try {
    await world.auth.admit({ ...credentials, address: ADDRESS }, target)
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    return error.kind
  }
}

const all = (kind: string) => ACTIONS.map(() => kind)
const U = 'unauthenticated'
const D = 'denied'
const I = 'insufficient_scope'

const table: [name: string, want: string[]][] = [
  ['no credentials', all(U)],
  ['an empty header', all(U)],
  ['wrong password', all(U)],
  ['well-formed unknown secret', all(U)],
  ['right password, wrong name', all(U)],
  ['wrong password of a person', all(U)],
  ['unknown person', all(U)],
  ['expired token', all(U)],
  ['disabled token', all(U)],
  ['deleted token', all(U)],
  ['bearer of a revoked token', all(U)],
  ['bearer of path style replayed on host style', all(U)],
  ['bearer of host style replayed on path style', all(U)],
  ['bearer of one host replayed on another', all(U)],
  ['bearer with a broken signature', all(U)],
  ['API key as bearer', all(U)],
  ['session as bearer', all(U)],
  //                                  ping  catalog pull push delete
  ['other registry’s token', ['ok', D, D, D, D]],
  ['token without scopes', ['ok', D, D, D, D]],
  ['scope on other repositories', ['ok', D, D, D, D]],
  ['too narrow a scope', ['ok', D, 'ok', D, D]],
  ['address outside the allow list', [D, D, D, D, D]],
  ['person outside the allow list', ['ok', D, D, D, D]],
  ['API key for another registry', ['ok', D, D, D, D]],
  ['bearer of pull, push and delete', ['ok', I, 'ok', 'ok', 'ok']],
  ['bearer of a token narrowed since', ['ok', I, 'ok', I, I]],
  ['full token', all('ok')],
  ['owner', all('ok')],
  ['owner, typed in capitals', all('ok')],
  ['member', ['ok', 'ok', 'ok', D, D]],
  ['API key', all('ok')],
  ['API key by its name', all('ok')],
  ['read-only API key', ['ok', 'ok', 'ok', D, D]],
  ['foreign token, its own registry', all('ok')],
]
for (const [name, want] of table) {
  test(`admit: ${name}`, async () => assert.deepEqual(await outcomes(name), want))
  test(`admit: ${name}, asked again`, async () => assert.deepEqual(await outcomes(name), want))
}

test('admit: a bearer token ends at its expiry, and not before', async () => {
  const name = 'bearer that has expired'
  world.clock += 299_000
  assert.deepEqual(await outcomes(name), ['ok', I, 'ok', 'ok', 'ok'])
  world.clock += 1_000
  assert.deepEqual(await outcomes(name), all(U))
  world.clock -= 300_000
})

async function refusal(
  authorization: string,
  target: Target,
): Promise<{ kind: string; message: string; rest: unknown }> {
  try {
    await world.auth.admit({ authorization, address: ADDRESS, service: 'entrepot' }, target)
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    const { kind, message, detail, headers } = error
    return { kind, message, rest: { detail, headers } }
  }
  return assert.fail('admitted')
}

const strangers = ['full token', 'too narrow a scope', 'token without scopes', 'owner', 'member', 'API key']
for (const name of [...strangers, 'bearer of pull, push and delete', 'address outside the allow list']) {
  for (const asked of ['catalog', 'pull', 'push', 'delete'] as const) {
    test(`admit: ${name}, ${asked}: a foreign registry, an absent one and no registry's name are refused alike`, async () => {
      const authorization = shown[name]?.authorization ?? assert.fail(name)
      const foreign = await refusal(authorization, targetOf(asked, 'globex'))
      for (const other of ['nonesuch', 'NOT-A-NAME', 'closed-']) {
        const absent = await refusal(authorization, targetOf(asked, other))
        assert.deepEqual({ ...absent, message: absent.message.replaceAll(other, 'globex') }, foreign)
      }
    })
  }
}

test('admit: a name out of scope reads like one in a foreign registry', async () => {
  const authorization = shown['too narrow a scope']?.authorization ?? ''
  const [mine, foreign] = await Promise.all([
    refusal(authorization, targetOf('push', 'acme')),
    refusal(authorization, targetOf('push', 'globex')),
  ])
  assert.deepEqual({ ...mine, message: mine.message.replaceAll('acme', 'globex') }, foreign)
})

test('admit: a token without scopes reads that it has none', async () => {
  const { message } = await refusal(shown['token without scopes']?.authorization ?? '', targetOf('pull', 'acme'))
  assert.match(message, /token bare has no scopes/)
})

test('admit: outside the allow list the address and the rule are named, to nobody but those who are known', async () => {
  const known = await refusal(shown['address outside the allow list']?.authorization ?? '', targetOf('pull', 'closed'))
  assert.match(known.message, /203\.0\.113\.7.*apiSubnetAllowList.*closed/)
  const stranger = await refusal(basic('shut', 'wrong'), targetOf('pull', 'closed'))
  assert.equal(stranger.kind, U)
  assert.doesNotMatch(stranger.message, /203\.0\.113\.7|allow/)
})

test('admit: inside the allow list everything is as usual', async () => {
  const { authorization } = shown['address outside the allow list'] ?? {}
  const address = '::ffff:198.51.100.9'
  const grant = await world.auth.admit({ authorization, address, service: 'entrepot' }, targetOf('push', 'closed'))
  assert.equal(grant.registry?.id, closed)
})

test('admit: wrong, expired, disabled and deleted logins, existing or not, read the same', async () => {
  const names = table.filter(([name, want]) => want[0] === U && shown[name]?.authorization?.startsWith('Basic'))
  const errors = await Promise.all(
    names.map(([name]) => refusal(shown[name]?.authorization ?? '', targetOf('pull', 'acme'))),
  )
  assert.ok(errors.length >= 7)
  for (const error of errors) assert.deepEqual(error, errors[0])
})

const scopesOfToken = async (authorization: string, scopes: string[], service = 'entrepot') => {
  const request = { authorization, address: ADDRESS, service, scopes, grant: null, offline: false }
  const issued = await world.auth.issueToken(request)
  const [, payload = ''] = issued.token.split('.')
  return { scope: issued.scope, access: JSON.parse(Buffer.from(payload, 'base64url').toString()).access }
}

test('issueToken: foreign, absent and out-of-scope names are dropped alike', async () => {
  const { authorization = '' } = shown['too narrow a scope'] ?? {}
  const want = { scope: '', access: [] }
  for (const name of ['globex/app', 'nonesuch/app', 'acme/secret', 'app', 'UPPER/app', 'acme/-', '/app', 'acme/']) {
    assert.deepEqual(await scopesOfToken(authorization, [`repository:${name}:pull,push`]), want, name)
  }
  for (const service of ['globex.cr.example', 'nonesuch.cr.example']) {
    assert.deepEqual(await scopesOfToken(authorization, ['repository:app:pull', 'registry:catalog:*'], service), want)
  }
})

test('issueToken: the rest is granted, what is too much silently dropped', async () => {
  const { authorization = '' } = shown['too narrow a scope'] ?? {}
  const pull: Action[] = ['pull']
  const entry = { registryId: acme, type: 'repository', name: 'app', actions: pull }
  assert.deepEqual(await scopesOfToken(authorization, ['repository:acme/app:pull,push repository:globex/app:pull']), {
    scope: 'repository:acme/app:pull',
    access: [entry],
  })
  assert.deepEqual(await scopesOfToken(authorization, ['repository:app:*'], 'acme.cr.example'), {
    scope: 'repository:app:pull',
    access: [entry],
  })
})

test('issueToken: outside the allow list nothing is issued, and the token’s owner reads why', async () => {
  const { authorization } = shown['address outside the allow list'] ?? {}
  const request = { authorization, address: ADDRESS, service: 'entrepot', scopes: [], grant: null, offline: false }
  await assert.rejects(world.auth.issueToken(request), { kind: D, message: /apiSubnetAllowList/ })
})
