import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { Seen, Sent } from './wire.ts'
import { basic, header, sweep, textOf } from './wire.ts'
import type { Content, Login } from './world.ts'
import { ABSENT, ADDRESS, ALLOWED, CLOSED, DOMAIN, FOREIGN, HERE, HIDDEN, OWN, openWorld, PATH_HOST } from './world.ts'

// What an answer tells by its form, by its headers or by being there at all; and addresses that are only claimed: this
// server trusts no proxy (what one that trusts some believes is in token.test.ts). wire.ts looks at every answer for words
// that tell what the server is made of.

let world: Awaited<ReturnType<typeof openWorld>>
let full: Login
let narrow: Login
let shut: Login
let image: Content
let hidden: Content

before(async () => {
  world = await openWorld({ env: { ENTREPOT_TRUSTED_PROXIES: undefined } }, '127.0.0.0/8')
  full = await world.token(OWN, {
    name: 'full',
    scopes: [
      { type: 'repository', name: '*', actions: ['*'] },
      { type: 'registry', name: '*', actions: ['*'] },
    ],
  })
  narrow = await world.token(OWN, { name: 'narrow', scopes: [{ type: 'repository', name: HERE, actions: ['*'] }] })
  image = world.contents[OWN] ?? assert.fail()
  hidden = world.contents[HIDDEN] ?? assert.fail()
  shut = await world.token(CLOSED, { name: 'shut' })
  const list = JSON.stringify(['198.51.100.0/24'])
  await world.changeRights((sql) => sql.run`UPDATE registries SET allow_list = ${list} WHERE name = ${CLOSED}`)
})
after(() => world[Symbol.asyncDispose]())

const ask = (requests: readonly Sent[]): Promise<Seen[]> => sweep(world.connections, requests)
const basicOf = ({ username, password }: Login): string => basic(username, password)

function get(path: string, authorization?: string, more: Partial<Sent> = {}): Sent {
  const headers = { ...(authorization === undefined ? {} : { Authorization: authorization }), ...more.headers }
  return { method: 'GET', path, host: PATH_HOST, ...more, headers }
}

function assertOne(texts: readonly string[], about: string): void {
  assert.equal(new Set(texts).size, 1, `${about}: ${[...new Set(texts)].join('\n\n')}`)
}

/** Hosts of registries of all kinds, and of none. */
const HOSTS = [OWN, FOREIGN, ABSENT, CLOSED].map((name) => `${name}.${DOMAIN}`)
const withoutHost = (seen: Seen): string => HOSTS.reduce((text, host) => text.replaceAll(host, '<host>'), textOf(seen))

const NOWHERE = [
  '/nothing',
  '/v1/_ping',
  '/v1/search?q=kwitz',
  '/v3/',
  '/V2/',
  '/v2x/',
  '//v2/',
  '/token/x',
  '/TOKEN',
  '/Registries',
  '/containerregistriesx',
  '/metrics/x',
  '/admin',
  '/debug/pprof/',
  '/server-status',
  '/.git/config',
  '/.env',
  '/robots.txt',
  '/data/master.key',
  '/src/main.ts',
  '/..%2f..%2fetc/passwd',
  '/assets/../../package.json',
  `/${OWN}/${HERE}`,
  `/${FOREIGN}/${HERE}`,
  `/${ABSENT}/${HERE}`,
]

test('outside the APIs there is one 404, with credentials and without, at every host', async () => {
  const logins = [undefined, basicOf(full), basicOf(world.first.owner), 'Bearer x']
  const requests = NOWHERE.flatMap((path) =>
    logins.flatMap((authorization) => [PATH_HOST, ...HOSTS].map((host) => get(path, authorization, { host }))),
  )
  const answers = await ask(requests)
  for (const [index, seen] of answers.entries())
    assert.equal(seen.status, 404, `${requests[index]?.path}: ${textOf(seen)}`)
  assertOne(answers.map(textOf), 'not found')
})

test('no plane answers otherwise because the asked host is a registry’s', async () => {
  const paths = ['/', '/livez', '/registries', '/locations', '/metrics', '/token', '/v2/', '/api/openapi.json', '/ui/']
  for (const path of paths) {
    for (const authorization of [undefined, basicOf(world.second.owner)]) {
      const hosts = HOSTS.filter((host) => !(path === '/v2/' && host.startsWith(FOREIGN)))
      const answers = await ask(hosts.map((host) => get(path, authorization, { host })))
      const texts = answers.map((seen) =>
        withoutHost(seen).replaceAll(/"(token|access_token|issued_at)":"[^"]+"/g, '"$1":"…"'),
      )
      assertOne(texts, path)
    }
  }
})

const READABLE: [path: () => string, login: () => Login | null][] = [
  [() => '/livez', () => null],
  [() => '/readyz', () => null],
  [() => '/v2/', () => full],
  [() => '/v2/_catalog', () => full],
  [() => `/v2/${OWN}/_catalog`, () => full],
  [() => `/v2/${OWN}/${HERE}/manifests/tagyes`, () => full],
  [() => `/v2/${OWN}/${HERE}/manifests/${image.digest}`, () => full],
  [() => `/v2/${OWN}/${HERE}/blobs/${image.configDigest}`, () => full],
  [() => `/v2/${OWN}/${HERE}/tags/list`, () => full],
  [() => `/v2/${OWN}/${HERE}/referrers/${image.digest}`, () => full],
  [() => '/v2/', () => null],
  [() => `/v2/${OWN}/${HERE}/tags/list`, () => narrow],
  [() => `/v2/${FOREIGN}/${HERE}/tags/list`, () => full],
  [() => `/v2/${OWN}/${HERE}/tags/list?n=x`, () => full],
  [() => '/locations', () => world.first.owner],
  [() => '/registries', () => world.first.owner],
  [() => '/registries?limit=0', () => world.first.owner],
  [() => `/registries/${world.registries[OWN]?.id}`, () => world.first.owner],
  [() => `/registries/${world.registries[FOREIGN]?.id}`, () => world.first.owner],
  [() => `/registries/${world.registries[OWN]?.id}/tokens`, () => world.first.owner],
  [() => '/registries', () => null],
  [() => '/metrics', () => null],
  [() => '/nothing', () => null],
]

test('HEAD is answered like GET, without a body', async () => {
  for (const [path, login] of READABLE) {
    const person = login()
    const authorization = person === null ? undefined : basicOf(person)
    const [got, headed] = await ask([get(path(), authorization), get(path(), authorization, { method: 'HEAD' })])
    assert.ok(got && headed)
    assert.equal(headed.body, '', path())
    assert.equal(textOf({ ...headed, body: '' }), textOf({ ...got, body: '' }), path())
  }
})

test('no method echoes what was sent, and none opens the API to pages of other origins', async () => {
  const paths = [
    '/',
    '/v2/',
    `/v2/${OWN}/${HERE}/tags/list`,
    '/token',
    '/registries',
    '/containerregistries/registries',
  ]
  const more = ['/names/acme', '/livez', '/metrics', '/nothing', '*']
  const headers = {
    Origin: 'https://canary.example',
    'Access-Control-Request-Method': 'DELETE',
    'Access-Control-Request-Headers': 'authorization',
    'X-Canary': 'canary',
    Cookie: 'session=canary',
    'Max-Forwards': '0',
  }
  for (const authorization of [undefined, basicOf(full), basicOf(world.first.owner)]) {
    for (const method of ['OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY', 'GET']) {
      const answers = await ask([...paths, ...more].map((path) => get(path, authorization, { method, headers })))
      for (const [index, seen] of answers.entries()) {
        const about = `${method} ${[...paths, ...more][index]}: ${textOf(seen)}`
        assert.doesNotMatch(textOf(seen), /canary/i, about)
        for (const [name] of seen.head) assert.doesNotMatch(name, /^access-control-|^set-cookie$/i, about)
        if (method === 'TRACE') assert.ok(seen.status >= 400, about)
      }
    }
  }
})

/** The bytes as they are, and the end; everything that comes back until the server closes. */
async function sendRaw(bytes: string): Promise<string> {
  const socket = connect({ port: world.server.port, host: '127.0.0.1' })
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // 'close' follows
  socket.setTimeout(20_000, () => socket.destroy())
  socket.end(bytes, 'latin1')
  await once(socket, 'close')
  return text.replaceAll(/^date: .*\r\n/gim, '')
}

const MADE_OF = /node|fastify|llhttp|HPE_|ERR_|\.ts\b|express|sqlite/i

test('what is no readable request gets one answer, whoever sends it and whatever it is about', async () => {
  const authorization = `Authorization: ${basicOf(full)}\r\n`
  const long = `X-Long: ${'x'.repeat(40_000)}\r\n`
  const forms: [name: string, form: (target: string, login: string) => string][] = [
    ['an unknown method', (target, login) => `FOO ${target} HTTP/1.1\r\nHost: x\r\n${login}\r\n`],
    ['no method', (target, login) => ` ${target} HTTP/1.1\r\nHost: x\r\n${login}\r\n`],
    ['another version', (target, login) => `GET ${target} HTTP/9.9\r\nHost: x\r\n${login}\r\n`],
    ['no Host', (target, login) => `GET ${target} HTTP/1.1\r\n${login}\r\n`],
    [
      'two lengths',
      (target, login) =>
        `POST ${target} HTTP/1.1\r\nHost: x\r\n${login}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    ],
    [
      'a length and chunks',
      (target, login) =>
        `POST ${target} HTTP/1.1\r\nHost: x\r\n${login}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['headers too long', (target, login) => `GET ${target} HTTP/1.1\r\nHost: x\r\n${login}${long}\r\n`],
    ['a blank in a name', (target, login) => `GET ${target} HTTP/1.1\r\nHost: x\r\n${login}X Y: z\r\n\r\n`],
    ['a tunnel', (target, login) => `CONNECT ${target} HTTP/1.1\r\nHost: x\r\n${login}\r\n`],
    ['TLS', () => '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'],
  ]
  await Promise.all(
    forms.map(async ([name, form]) => {
      const targets = [`/v2/${OWN}/${HERE}/tags/list`, `/v2/${ABSENT}/${HERE}/tags/list`, '/registries', '/nothing']
      const texts = await Promise.all(
        targets.flatMap((target) => ['', authorization].map((login) => sendRaw(form(target, login)))),
      )
      assertOne(texts, name)
      for (const text of texts) assert.doesNotMatch(text, MADE_OF, name)
      assert.match(texts[0] ?? '', name === 'a tunnel' ? /^$/ : /^HTTP\/1\.1 4\d\d /, name)
    }),
  )
})

test('HTTP/1.0 and the absolute form are answered like any request', async () => {
  const old = await sendRaw(`GET /v2/${OWN}/${HERE}/tags/list HTTP/1.0\r\nHost: ${PATH_HOST}\r\n\r\n`)
  assert.match(old, /^HTTP\/1\.1 401 /)
  const host = `${OWN}.${DOMAIN}`
  const jwt = await world.jwt(full, host, [`repository:${HERE}:*`])
  const asked = [`http://${FOREIGN}.${DOMAIN}`, `http://${ABSENT}.${DOMAIN}`, `http://${PATH_HOST}`].map((authority) =>
    get(`${authority}/v2/${HERE}/tags/list`, `Bearer ${jwt}`, { host }),
  )
  for (const seen of await ask(asked)) assert.equal(seen.status, 401, textOf(seen))
  const [same] = await ask([get(`http://${host}/v2/${HERE}/tags/list`, `Bearer ${jwt}`, { host: 'elsewhere' })])
  assert.equal(same?.status, 200)
})

// --- within one registry, for somebody who may see a part of it

const NO_DIGEST = `sha256:${'e'.repeat(64)}`
const withoutIds = (seen: Seen): string =>
  textOf(seen)
    .replaceAll(/[0-9a-f]{64}/g, '<hex>')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<upload>')
    .replaceAll(HIDDEN, 'kwatz')

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** A manifest of a config that the caller has not pushed. */
function manifestOf(digest: string): string {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: hidden.config.length }
  return JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [] })
}

const ORACLES: [
  name: string,
  request: (digest: string, config: string, repository: string) => Partial<Sent> & { path: string },
][] = [
  ['a blob of another repository', (_, config) => ({ path: `blobs/${config}` })],
  ['the same by HEAD', (_, config) => ({ method: 'HEAD', path: `blobs/${config}` })],
  ['the same by its tag', (_, config) => ({ path: `blobs/${config}`, headers: { 'If-None-Match': `"${config}"` } })],
  ['deleting it', (_, config) => ({ method: 'DELETE', path: `blobs/${config}` })],
  ['a manifest of another repository', (digest) => ({ path: `manifests/${digest}` })],
  ['deleting that', (digest) => ({ method: 'DELETE', path: `manifests/${digest}` })],
  ['its referrers', (digest) => ({ path: `referrers/${digest}` })],
  [
    'a mount from there',
    (_, config, repository) => ({ method: 'POST', path: `blobs/uploads/?mount=${config}&from=${OWN}/${repository}` }),
  ],
  ['a mount from anywhere', (_, config) => ({ method: 'POST', path: `blobs/uploads/?mount=${config}` })],
  [
    'a mount from another contract',
    (_, config, repository) => ({
      method: 'POST',
      path: `blobs/uploads/?mount=${config}&from=${FOREIGN}/${repository}`,
    }),
  ],
  [
    'a manifest that refers to it',
    (_, config) => ({
      method: 'PUT',
      path: 'manifests/probe',
      body: manifestOf(config),
      headers: { 'Content-Type': MANIFEST },
    }),
  ],
]

for (const [name, request] of ORACLES) {
  test(`who may only see ${HERE} is told nothing by ${name}`, async () => {
    const probes = [request(hidden.digest, hidden.configDigest, HIDDEN), request(NO_DIGEST, NO_DIGEST, 'kwatz')].map(
      (one): Sent =>
        get(`/v2/${OWN}/${HERE}/${one.path}`, basicOf(narrow), { ...one, path: `/v2/${OWN}/${HERE}/${one.path}` }),
    )
    const [there, nothing] = await ask(probes)
    assert.ok(there && nothing)
    assert.equal(withoutIds(there), withoutIds(nothing))
    assert.ok(there.status < 500)
  })
}

test('an upload of another login or repository is one that does not exist', async () => {
  const uploads = [hidden.upload, image.upload, '00000000-0000-4000-8000-000000000000']
  for (const [method, query] of [
    ['GET', ''],
    ['HEAD', ''],
    ['PATCH', ''],
    ['PUT', `?digest=${NO_DIGEST}`],
    ['DELETE', ''],
  ] as const) {
    const answers = await ask(
      uploads.map((id) => {
        const body = method === 'PATCH' || method === 'PUT' ? { body: 'x' } : {}
        return get(`/v2/${OWN}/${HERE}/blobs/uploads/${id}${query}`, basicOf(narrow), { method, ...body })
      }),
    )
    for (const seen of answers) assert.equal(seen.status, 404, textOf(seen))
    assertOne(answers.map(withoutIds), method)
  }
})

// --- metrics and addresses

const CLAIMS: Readonly<Record<string, string>>[] = [
  {},
  { 'X-Forwarded-For': '127.0.0.1' },
  { 'X-Forwarded-For': '::1' },
  { 'X-Real-IP': '127.0.0.1' },
  { Forwarded: 'for=127.0.0.1;host=localhost' },
  { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-Proto': 'https' },
  { Via: '1.1 localhost' },
]

test('/metrics is for owners of contract 1 alone, from wherever it is asked, proxied or not', async () => {
  const { first, second } = world
  const refused: [login: Login | null, status: number][] = [
    [null, 401],
    [full, 401],
    [second.owner, 403],
    [await world.user(1, 'member', true), 403],
    [await world.user(1, 'admin'), 403],
    [{ username: 'nobody', password: 'x' }, 401],
  ]
  for (const [login, status] of refused) {
    const answers = await ask(
      CLAIMS.flatMap((headers) =>
        ['/metrics', '/metrics?x=1'].flatMap((path) =>
          ['localhost', PATH_HOST].map((host) =>
            get(path, login === null ? undefined : basicOf(login), { host, headers }),
          ),
        ),
      ),
    )
    for (const seen of answers) {
      assert.equal(seen.status, status, textOf(seen))
      assert.doesNotMatch(seen.body, /entrepot_/)
    }
    assertOne(answers.map(textOf), login?.username ?? 'no credentials')
  }
  const [mine] = await ask([get('/metrics', basicOf(first.owner))])
  assert.equal(mine?.status, 200)
  for (const name of [OWN, FOREIGN, HERE]) assert.doesNotMatch(mine?.body ?? '', new RegExp(name))
})

test('without a trusted proxy nobody chooses an address: the allow list sees the peer', async () => {
  const claims = [
    'X-Forwarded-For',
    'X-Real-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
  ]
  const headers = [
    ...claims.map((name) => ({ [name]: ALLOWED })),
    { Forwarded: `for=${ALLOWED}` },
    { Forwarded: `for="${ALLOWED}:80";proto=https` },
    { 'X-Forwarded-For': ALLOWED, 'X-Forwarded-Host': `${CLOSED}.${DOMAIN}`, 'X-Forwarded-Proto': 'https' },
    {},
  ]
  const paths = [`/v2/${CLOSED}/${HERE}/manifests/tagyes`, '/v2/', `/token?scope=repository:${CLOSED}/${HERE}:pull`]
  for (const path of paths) {
    const answers = await ask(headers.map((one) => get(path, basicOf(shut), { headers: one })))
    for (const seen of answers) {
      assert.equal(seen.status, 403, `${path}: ${textOf(seen)}`)
      assert.match(seen.body, /address 127\.0\.0\.1 is not on the allow list/)
      assert.ok(!seen.body.includes(ALLOWED) && !seen.body.includes(ADDRESS))
    }
    assertOne(answers.map(textOf), path)
  }
})

test('without a trusted proxy nobody chooses a host either', async () => {
  const host = `${OWN}.${DOMAIN}`
  const jwt = await world.jwt(full, host, [`repository:${HERE}:pull`])
  const claims = [FOREIGN, ABSENT].map((name) => ({
    'X-Forwarded-Host': `${name}.${DOMAIN}`,
    'X-Forwarded-Proto': 'https',
  }))
  const answers = await ask(
    [{}, ...claims].map((headers) => get(`/v2/${HERE}/tags/list`, `Bearer ${jwt}`, { host, headers })),
  )
  for (const seen of answers) assert.equal(seen.status, 200, textOf(seen))
  const challenges = await ask([{}, ...claims].map((headers) => get('/v2/', undefined, { host, headers })))
  assertOne(challenges.map(textOf), 'challenges')
  assert.equal(
    header(challenges[0] ?? assert.fail(), 'www-authenticate'),
    `Bearer realm="http://${host}/token",service="${host}"`,
  )
})

test('a Host that is no host is not written into an answer', async () => {
  const hosts = ['a"b', 'a,b', 'a b', '<script>', `${'a'.repeat(400)}.${DOMAIN}`, 'x:99999999', '"', '']
  for (const host of hosts) {
    for (const path of ['/v2/', '/registries', '/token', '/nothing']) {
      const [seen] = await ask([get(path, undefined, { host })])
      assert.ok(seen && seen.status >= 400 && seen.status < 500)
      if (host !== '')
        assert.ok(
          !textOf({ ...seen, head: seen.head.filter(([name]) => name !== 'x') }).includes(`//${host}`),
          textOf(seen),
        )
    }
  }
})
