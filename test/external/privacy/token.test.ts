import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Seen, Sent } from './wire.ts'
import { basic, sweep, textOf } from './wire.ts'
import type { Login } from './world.ts'
import {
  ABSENT,
  ADDRESS,
  ALLOWED,
  CLOSED,
  DELETED,
  DOMAIN,
  FOREIGN,
  HERE,
  HIDDEN,
  NOWHERE,
  OWN,
  openWorld,
  PATH_HOST,
  SIBLING,
} from './world.ts'

// What /token gives, and to whom: a foreign name is an absent one, and neither is told apart from one out of scope.

let world: Awaited<ReturnType<typeof openWorld>>
const logins: Record<string, Login> = {}
const refreshTokens: Record<string, string> = {}

before(async () => {
  world = await openWorld()
  const pull = (name: string) => [{ type: 'repository', name, actions: ['pull'] }]
  logins['full'] = await world.token(OWN, { name: 'full' })
  logins['narrow'] = await world.token(OWN, { name: 'narrow', scopes: pull(HERE) })
  logins['bare'] = await world.token(OWN, { name: 'bare', scopes: [] })
  logins['expired'] = await world.token(OWN, { name: 'expired', expiryDate: '2026-01-01T00:00:00Z' })
  logins['disabled'] = await world.token(OWN, { name: 'disabled', status: 'disabled' })
  logins['shut'] = await world.token(CLOSED, { name: 'shut' })
  logins['foreign'] = await world.token(FOREIGN, { name: 'full' })
  logins['owner'] = world.first.owner
  logins['foreign owner'] = world.second.owner
  logins['member'] = await world.user(1, 'member')
  const dropped = await world.token(OWN, { name: 'dropped' })
  logins['deleted'] = dropped
  logins['gone'] = await world.token(DELETED, { name: 'gone' })
  for (const name of ['full', 'deleted', 'gone']) {
    refreshTokens[name] = await world.refreshToken(login(name), PATH_HOST)
  }
  const { id } = world.registries[OWN] ?? assert.fail()
  const path = `/registries/${id}/tokens/${dropped.id}`
  assert.equal((await world.api(world.first.owner, 'DELETE', path)).status, 204)
  await world.deleteRegistry(DELETED)
})
after(() => world[Symbol.asyncDispose]())

const login = (name: string): Login => logins[name] ?? assert.fail(name)
const hostOf = (registry: string): string => `${registry}.${DOMAIN}`
const repository = (registry: string, name: string, actions = '*'): string =>
  `repository:${registry}/${name}:${actions}`
const scopesOf = (scopes: readonly string[]): string =>
  scopes.map((one) => `scope=${encodeURIComponent(one)}`).join('&')

interface Asked {
  readonly host?: string
  readonly from?: string
  readonly authorization?: string | undefined
  readonly query?: string
  readonly form?: string
  readonly method?: string
}

function requestOf({ host = PATH_HOST, from = ADDRESS, authorization, query = '', form, method }: Asked): Sent {
  const headers: Record<string, string> = { 'X-Forwarded-For': from }
  if (authorization !== undefined) headers['Authorization'] = authorization
  if (form === undefined) return { method: method ?? 'GET', host, path: `/token?${query}`, headers }
  headers['Content-Type'] = 'application/x-www-form-urlencoded'
  return { method: method ?? 'POST', host, path: '/token', headers, body: form }
}

async function ask(asked: readonly Asked[]): Promise<Seen[]> {
  return await sweep(world.connections, asked.map(requestOf))
}

interface Granted {
  readonly aud: string
  readonly sub: string
  readonly access: readonly { registryId: number; type: string; name: string; actions: readonly string[] }[]
}

/** What the JWT says, without its times. */
function grantOf(seen: Seen): Granted {
  assert.equal(seen.status, 200, textOf(seen))
  const { token, access_token } = JSON.parse(seen.body) as Record<string, string>
  assert.equal(token, access_token)
  const [, payload = ''] = (token ?? '').split('.')
  const { iat, nbf, exp, ...rest } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  assert.ok(iat === nbf && exp === iat + 300)
  return rest
}

/** The answer without what is new in each. */
function shapeOf(seen: Seen): string {
  const text = textOf(seen).replaceAll(/"(token|access_token|issued_at|refresh_token)":"[^"]+"/g, '"$1":"…"')
  return [FOREIGN, SIBLING, DELETED, ABSENT].reduce((rest, name) => rest.replaceAll(name, OWN), text)
}

/** Every way to ask: both styles, hosts that are and are not, scopes of names that are and are not. */
function everyWay(authorization: string | undefined, form?: string): Asked[] {
  const hosts = [PATH_HOST, hostOf(OWN), hostOf(FOREIGN), hostOf(ABSENT), hostOf(DELETED)]
  const scopes = [
    '',
    scopesOf([repository(OWN, HERE)]),
    scopesOf([repository(FOREIGN, HERE)]),
    scopesOf([repository(ABSENT, NOWHERE)]),
    scopesOf([`repository:${HERE}:pull`, 'registry:catalog:*']),
    'scope=%00&scope=:::&scope=repository:UPPER/case:pull',
  ]
  return hosts.flatMap((host) =>
    scopes.map(
      (query): Asked => (form === undefined ? { host, authorization, query } : { host, form: `${form}&${query}` }),
    ),
  )
}

const REFUSED: [name: string, authorization: () => string | undefined][] = [
  ['no credentials', () => undefined],
  ['a wrong password', () => basic('full', 'wrong')],
  ['the right password under another name', () => basic('narrow', login('full').password)],
  ['an expired token', () => basicOf('expired')],
  ['a disabled token', () => basicOf('disabled')],
  ['a deleted token', () => basicOf('deleted')],
  ['a deleted registry’s token', () => basicOf('gone')],
  ['no e-mail address', () => basic('nobody', 'password')],
  ['a refresh token as password', () => basic('full', refreshTokens['full'] ?? '')],
]

const basicOf = (name: string): string => basic(login(name).username, login(name).password)

const texts = new Map<string, Set<string>>()
for (const [name, authorization] of REFUSED) {
  test(`GET /token with ${name}: one 401, whatever is asked for`, async () => {
    const answers = await ask(everyWay(authorization()))
    const all = new Set(answers.map(textOf))
    assert.equal(all.size, 1, [...all].join('\n\n'))
    assert.equal(answers[0]?.status, 401)
    const group = authorization() === undefined ? 'none' : 'wrong'
    texts.set(group, (texts.get(group) ?? new Set()).union(all))
  })
}

const FORMS: [name: string, form: () => string][] = [
  ['a wrong password', () => formOf('full', 'wrong')],
  ['an expired token', () => formOf('expired')],
  ['a disabled token', () => formOf('disabled')],
  ['a deleted token', () => formOf('deleted')],
  ['a deleted registry’s token', () => formOf('gone')],
  ['a name with a colon', () => formOf('full:x', 'wrong')],
  ['an unknown refresh token', () => refreshForm('entr_0000000000_0000000000000000000000000000000000')],
  ['no refresh token', () => refreshForm('')],
  ['a deleted token’s refresh token', () => refreshForm(refreshTokens['deleted'])],
  ['a deleted registry’s refresh token', () => refreshForm(refreshTokens['gone'])],
  ['a password as refresh token', () => refreshForm(login('full').password)],
]

function formOf(name: string, password = login(name).password): string {
  return new URLSearchParams({ grant_type: 'password', username: name, password, client_id: 'test' }).toString()
}

function refreshForm(token = ''): string {
  return new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: 'test' }).toString()
}

for (const [name, form] of FORMS) {
  test(`POST /token with ${name}: one 401, whatever is asked for`, async () => {
    const answers = await ask(everyWay(undefined, form()))
    const all = new Set(answers.map(textOf))
    assert.equal(all.size, 1, [...all].join('\n\n'))
    assert.equal(answers[0]?.status, 401)
    texts.set('form', (texts.get('form') ?? new Set()).union(all))
  })
}

test('wrong, expired, disabled and deleted logins and refresh tokens are told one thing', () => {
  assert.deepEqual([...texts.keys()].sort(), ['form', 'none', 'wrong'])
  for (const [group, all] of texts) assert.equal(all.size, 1, `${group}: ${[...all].join('\n\n')}`)
})

test('a refresh token is good for the service it was given for, and for no other', async () => {
  const form = refreshForm(refreshTokens['full'])
  const [same, ...others] = await ask(
    [PATH_HOST, ...[OWN, FOREIGN, ABSENT].map(hostOf)].map((host) => ({ host, form })),
  )
  assert.equal(same?.status, 200)
  assert.deepEqual([...new Set(others.map(textOf))], [...(texts.get('form') ?? [])])
})

test('a bearer token buys no other one', async () => {
  const jwt = await world.jwt(login('full'), PATH_HOST, [])
  const all = await ask(everyWay(`Bearer ${jwt}`))
  assert.equal(new Set(all.map(textOf)).size, 1)
  assert.equal(all[0]?.status, 401)
})

interface Case {
  readonly login: string
  readonly scope: string
  /** `none`: nothing, and the answer is that of a name that does not exist. */
  readonly granted: readonly string[] | 'none'
  readonly registry?: string
  /** Asked in host style at this registry's host. */
  readonly at?: string
}

const ALL = ['pull', 'push', 'delete']
const CASES: readonly Case[] = [
  { login: 'full', scope: repository(OWN, HERE), granted: ALL, registry: OWN },
  { login: 'full', scope: repository(OWN, NOWHERE), granted: ALL, registry: OWN },
  { login: 'full', scope: repository(SIBLING, HERE), granted: 'none' },
  { login: 'full', scope: repository(FOREIGN, HERE), granted: 'none' },
  { login: 'full', scope: repository(ABSENT, HERE), granted: 'none' },
  { login: 'full', scope: repository(DELETED, HERE), granted: 'none' },
  { login: 'full', scope: `repository:${HERE}:pull`, granted: 'none' },
  { login: 'full', scope: `repository:${OWN.toUpperCase()}/${HERE}:pull`, granted: 'none' },
  { login: 'full', scope: `repository:${OWN}/../${FOREIGN}/${HERE}:pull`, granted: 'none' },
  { login: 'full', scope: `repository:${OWN}/:pull`, granted: 'none' },
  { login: 'full', scope: `repository:${OWN}/*:pull`, granted: 'none' },
  { login: 'full', scope: `repository:${HERE}:*`, granted: ALL, registry: OWN, at: OWN },
  { login: 'full', scope: `repository:${NOWHERE}:*`, granted: ALL, registry: OWN, at: OWN },
  { login: 'full', scope: `repository:${HERE}:*`, granted: 'none', at: SIBLING },
  { login: 'full', scope: `repository:${HERE}:*`, granted: 'none', at: FOREIGN },
  { login: 'full', scope: `repository:${HERE}:*`, granted: 'none', at: ABSENT },
  { login: 'full', scope: `repository:${HERE}:*`, granted: 'none', at: DELETED },
  { login: 'narrow', scope: repository(OWN, HERE), granted: ['pull'], registry: OWN },
  { login: 'narrow', scope: repository(OWN, HERE, 'push,delete'), granted: 'none' },
  { login: 'narrow', scope: repository(OWN, HIDDEN), granted: 'none' },
  { login: 'narrow', scope: repository(OWN, NOWHERE), granted: 'none' },
  { login: 'narrow', scope: repository(FOREIGN, HERE), granted: 'none' },
  { login: 'narrow', scope: repository(ABSENT, HERE), granted: 'none' },
  { login: 'narrow', scope: 'registry:catalog:*', granted: 'none' },
  { login: 'bare', scope: repository(OWN, HERE), granted: 'none' },
  { login: 'bare', scope: repository(ABSENT, HERE), granted: 'none' },
  { login: 'foreign', scope: repository(OWN, HERE), granted: 'none' },
  { login: 'foreign', scope: repository(FOREIGN, HERE), granted: ALL, registry: FOREIGN },
  { login: 'owner', scope: repository(SIBLING, HERE), granted: ALL, registry: SIBLING },
  { login: 'owner', scope: repository(SIBLING, NOWHERE), granted: ALL, registry: SIBLING },
  { login: 'owner', scope: repository(FOREIGN, HERE), granted: 'none' },
  { login: 'owner', scope: repository(FOREIGN, NOWHERE), granted: 'none' },
  { login: 'owner', scope: repository(ABSENT, HERE), granted: 'none' },
  { login: 'owner', scope: repository(DELETED, HERE), granted: 'none' },
  { login: 'foreign owner', scope: repository(OWN, HERE), granted: 'none' },
  { login: 'foreign owner', scope: repository(CLOSED, HERE), granted: 'none' },
  { login: 'foreign owner', scope: `repository:${HERE}:*`, granted: 'none', at: OWN },
  { login: 'foreign owner', scope: `repository:${HERE}:*`, granted: 'none', at: ABSENT },
  { login: 'member', scope: repository(OWN, HERE), granted: ['pull'], registry: OWN },
  { login: 'member', scope: repository(OWN, HERE, 'push'), granted: 'none' },
  { login: 'member', scope: repository(FOREIGN, HERE), granted: 'none' },
]

for (const { login: name, scope, granted, registry, at } of CASES) {
  const where = at === undefined ? '' : ` at the host of ${at}`
  const what = granted === 'none' ? 'nothing' : granted.join(', ')
  test(`${name} asks for ${scope}${where} and gets ${what}`, async () => {
    const host = at === undefined ? PATH_HOST : hostOf(at)
    const asked = { host, authorization: basicOf(name) }
    const [seen, nothing] = await ask([
      { ...asked, query: scopesOf([scope]) },
      { ...asked, query: '' },
    ])
    assert.ok(seen && nothing)
    const { aud, access } = grantOf(seen)
    assert.equal(aud, at === undefined ? 'entrepot' : host)
    if (granted === 'none') {
      assert.deepEqual(access, [])
      assert.deepEqual(grantOf(seen), grantOf(nothing))
      assert.equal(shapeOf(seen), shapeOf(nothing))
      return
    }
    const repositoryName = scope.split(':')[1]?.slice(at === undefined ? `${registry}/`.length : 0)
    const registryId = await internalId(registry ?? '')
    assert.deepEqual(access, [{ registryId, type: 'repository', name: repositoryName, actions: granted }])
  })
}

async function internalId(registry: string): Promise<number> {
  const row = await world.metadata.read(
    (sql) => sql.get<{ id: number }>`SELECT id FROM registries WHERE name = ${registry} AND delete_id IS NULL`,
  )
  return row?.id ?? assert.fail(registry)
}

test('of several scopes only those are granted that are theirs, and the others leave no trace', async () => {
  const mine = repository(OWN, HERE, 'pull')
  const asked = [
    [mine],
    [mine, repository(FOREIGN, HERE), repository(SIBLING, HERE)],
    [repository(ABSENT, HERE), mine, repository(ABSENT, NOWHERE)],
    [`${repository(FOREIGN, HERE)} ${mine} registry:catalog:list nothing`].map((one) => one.replace('registry:', 'x:')),
  ]
  const answers = await ask(asked.map((scopes) => ({ authorization: basicOf('full'), query: scopesOf(scopes) })))
  const [first, ...others] = answers
  assert.ok(first)
  for (const other of others) {
    assert.deepEqual(grantOf(other), grantOf(first))
    assert.equal(shapeOf(other), shapeOf(first))
  }
})

test('a token outside its allow list gets nothing, and the same answer whatever it asks for', async () => {
  const refused = await ask(everyWay(basicOf('shut')))
  assert.equal(new Set(refused.map(textOf)).size, 1)
  assert.equal(refused[0]?.status, 403)
  const [inside] = await ask([
    { authorization: basicOf('shut'), from: ALLOWED, query: scopesOf([repository(CLOSED, HERE)]) },
  ])
  assert.deepEqual(grantOf(inside ?? assert.fail()).access[0]?.actions, ALL)
  const spoofed = await ask(
    [`${ALLOWED}, ${ADDRESS}`, `${ALLOWED}, ${ADDRESS}, 127.0.0.1`, `"${ALLOWED}", ${ADDRESS}`, '', 'unknown'].map(
      (from) => ({ authorization: basicOf('shut'), from }),
    ),
  )
  for (const seen of spoofed) assert.equal(seen.status, 403, textOf(seen))
})

test('another service than the host’s own is refused alike, whether it is one or not', async () => {
  const services = [hostOf(OWN), hostOf(FOREIGN), hostOf(ABSENT), hostOf(DELETED)]
  for (const authorization of [basicOf('full'), basicOf('foreign'), undefined]) {
    const answers = await ask(services.map((service) => ({ authorization, query: `service=${service}` })))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400])
    assert.equal(new Set(answers.map(shapeOf)).size, 1)
  }
})

test('other methods answer alike with and without credentials, at every host', async () => {
  const hosts = [PATH_HOST, hostOf(OWN), hostOf(FOREIGN), hostOf(ABSENT)]
  for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const asked = hosts.flatMap((host) =>
      [undefined, basicOf('full'), basic('full', 'wrong')].map((authorization) => ({ host, authorization, method })),
    )
    const answers = await ask(asked)
    assert.equal(new Set(answers.map(textOf)).size, 1, method)
    assert.equal(answers[0]?.status, 405, method)
  }
})
