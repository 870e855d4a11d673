import assert from 'node:assert/strict'
import { METHODS } from 'node:http'
import { test } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Auth } from '../../src/auth/auth.ts'
import { DomainError } from '../../src/domain/error.ts'
import { basic, CI, inMemory, READER } from '../support/distribution-server.ts'
import { createFakeAuth } from '../support/fake-auth.ts'

const rules = { publicUrl: 'https://cr.example.com/', domain: 'example.com', locationLabels: ['cr.de-fra'] }

async function ask(app: FastifyInstance, method: string, url: string, headers: Record<string, string> = {}) {
  return await app.inject({ method, url, headers } as InjectOptions)
}

test('without credentials every path and method gives one and the same 401', async () => {
  const { app, registry } = await inMemory()
  await ask(app, 'PUT', '/v2/acme/app/manifests/v1', { authorization: basic(CI) })
  assert.ok('acts' in registry)
  registry.acts.length = 0
  const paths = [
    '/v2',
    '/v2/',
    '/v2/_catalog',
    '/v2/acme/app/manifests/v1',
    '/v2/acme/app/manifests/nothing',
    '/v2/nobody/app/manifests/v1',
    '/v2/app/manifests/v1',
    '/v2/UPPER/manifests/v1',
    '/v2/%zz',
    '/v2/a%2Fb/manifests/x',
    '/v2//',
    '/v2/nothing/here',
    '/v2/acme/app/tags/list?n=-1',
    `/v2/${'a/'.repeat(3000)}`,
    '/v2/acme/app/blobs/sha256:bad',
    '/v2/acme/app/blobs/uploads/',
  ]
  const bodies = new Set<string>()
  for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
    for (const path of paths) {
      const answer = await ask(app, method, path, { 'content-type': 'nonsense;;' })
      assert.equal(answer.statusCode, 401, `${method} ${path}`)
      assert.match(
        String(answer.headers['www-authenticate']),
        /^Bearer realm="http:\/\/localhost:80\/token",service="entrepot"/,
      )
      if (method !== 'HEAD') bodies.add(answer.body)
    }
  }
  assert.equal(bodies.size, 1)
  assert.deepEqual(registry.acts, [])
  await app.close()
})

test('wrong credentials give the same answer for what exists and what does not', async () => {
  const { app } = await inMemory()
  const answers = new Set<string>()
  for (const path of ['/v2/acme/app/manifests/v1', '/v2/nobody/app/manifests/v1', '/v2/app/manifests/v1', '/v2/x']) {
    const answer = await ask(app, 'GET', path, { authorization: 'Basic eDp5' })
    answers.add(`${answer.statusCode} ${answer.body}`)
  }
  assert.equal(answers.size, 1)
  assert.match([...answers].join(), /^401 .*UNAUTHORIZED/)
  await app.close()
})

test('the path of docker: 401, token, retry; a token with too little is told the scope it needs', async () => {
  const { app } = await inMemory({ deps: rules })
  const pull = await ask(app, 'GET', '/v2/acme/app/manifests/v1')
  const challenge = String(pull.headers['www-authenticate'])
  assert.equal(
    challenge,
    'Bearer realm="https://cr.example.com/token",service="entrepot",scope="repository:acme/app:pull"',
  )
  const token = await ask(app, 'GET', '/token?service=entrepot&scope=repository:acme/app:pull&account=ci', {
    authorization: basic(CI),
  })
  const issued = token.json() as Record<string, unknown>
  assert.equal(issued['token'], issued['access_token'])
  assert.equal(issued['refresh_token'], undefined)
  assert.equal(token.headers['cache-control'], 'no-store')
  const bearer = { authorization: `Bearer ${issued['token']}` }
  assert.equal((await ask(app, 'GET', '/v2/acme/app/manifests/v1', bearer)).statusCode, 404)
  const push = await ask(app, 'PUT', '/v2/acme/app/manifests/v1', bearer)
  assert.equal(push.statusCode, 401)
  assert.match(
    String(push.headers['www-authenticate']),
    /scope="repository:acme\/app:pull,push",error="insufficient_scope"$/,
  )
  const unknown = await ask(app, 'GET', '/v2/acme/app/manifests/v1', { authorization: 'Bearer nonsense' })
  assert.match(String(unknown.headers['www-authenticate']), /error="invalid_token"$/)
  await app.close()
})

test('host style: the registry is in the host; its tokens do not cross into path style', async () => {
  const { app } = await inMemory({ deps: rules })
  const hosted = { host: 'acme.example.com:8443' }
  const asked = await ask(app, 'PUT', '/v2/app/manifests/v1', hosted)
  assert.equal(
    asked.headers['www-authenticate'],
    'Bearer realm="https://acme.example.com:8443/token",service="acme.example.com",scope="repository:app:pull,push"',
  )
  const query = 'service=acme.example.com&scope=repository:app:pull,push'
  const token = await ask(app, 'GET', `/token?${query}`, { ...hosted, authorization: basic(CI) })
  const authorization = `Bearer ${token.json().token}`
  const pushed = await app.inject({
    method: 'PUT',
    url: '/v2/app/manifests/v1',
    headers: { ...hosted, authorization },
    payload: '{}',
  })
  assert.equal(pushed.statusCode, 201)
  assert.match(String(pushed.headers.location), /^\/v2\/app\/manifests\/sha256:/)
  const located = await ask(app, 'GET', '/v2/app/manifests/v1', { host: 'acme.cr.de-fra.example.com', authorization })
  assert.equal(located.statusCode, 200)
  const crossed = await ask(app, 'GET', '/v2/acme/app/manifests/v1', { host: 'cr.example.com', authorization })
  assert.equal(crossed.statusCode, 401)
  const path = await ask(app, 'GET', '/v2/acme/app/manifests/v1', { host: 'cr.example.com', authorization: basic(CI) })
  assert.equal(path.statusCode, 200)
  const catalog = await ask(app, 'GET', '/v2/_catalog', { ...hosted, authorization: basic(CI) })
  assert.deepEqual(catalog.json(), { repositories: ['app'] })
  await app.close()
})

test('an expired token is good enough on the path of an upload, and nowhere else', async () => {
  const accepted: string[] = []
  const auth: Auth = {
    ...createFakeAuth([CI]),
    admit: async (_credentials, target, options) => {
      if (options?.expiredBearer === 'accept') accepted.push(target.kind)
      throw new DomainError('unauthenticated', 'expired')
    },
  }
  const { app } = await inMemory({ auth })
  const expired = { authorization: 'Bearer old' }
  for (const method of ['GET', 'PATCH', 'PUT', 'DELETE'])
    await ask(app, method, '/v2/acme/app/blobs/uploads/1', expired)
  assert.equal(accepted.length, 4)
  for (const path of ['/v2/', '/v2/acme/app/manifests/v1', '/v2/acme/app/blobs/x', '/v2/acme/app/tags/list']) {
    await ask(app, 'GET', path, expired)
  }
  await ask(app, 'POST', '/v2/acme/app/blobs/uploads/', expired)
  assert.equal(accepted.length, 4)
  await app.close()
})

test('behind a trusted proxy the realm is what the client asked', async () => {
  const { app } = await inMemory({ trustedProxies: ['127.0.0.1'] })
  const forwarded = { 'x-forwarded-host': 'registry.internal', 'x-forwarded-proto': 'https' }
  const answer = await ask(app, 'GET', '/v2/', forwarded)
  assert.match(String(answer.headers['www-authenticate']), /realm="https:\/\/registry.internal\/token"/)
  await app.close()
})

async function post(app: FastifyInstance, form: Record<string, string>, headers: Record<string, string> = {}) {
  const contentType = { 'content-type': 'application/x-www-form-urlencoded' }
  const payload = new URLSearchParams(form).toString()
  return await app.inject({ method: 'POST', url: '/token', headers: { ...contentType, ...headers }, payload })
}

const login = {
  grant_type: 'password',
  service: 'entrepot',
  username: 'ci',
  password: 'secret',
  client_id: 'containerd',
}

test('POST /token: the password grant, with a refresh token only when asked', async () => {
  const { app } = await inMemory()
  const plain = await post(app, { ...login, scope: 'repository:acme/a:pull repository:acme/b:pull' })
  assert.equal(plain.statusCode, 200)
  assert.equal(plain.json().refresh_token, undefined)
  const offline = await post(app, { ...login, access_type: 'offline' })
  assert.equal(offline.json().refresh_token, 'refresh-1')
  const get = await ask(app, 'GET', '/token?offline_token=true', { authorization: basic(READER) })
  assert.equal(get.json().refresh_token, 'refresh-1')
  await app.close()
})

const refusals: { name: string; form: Record<string, string>; status: number; error: string }[] = [
  { name: 'a wrong password', form: { ...login, password: 'no' }, status: 401, error: 'invalid_grant' },
  {
    name: 'an unknown refresh token',
    form: { ...login, grant_type: 'refresh_token' },
    status: 401,
    error: 'invalid_grant',
  },
  { name: 'another grant', form: { ...login, grant_type: 'device_code' }, status: 400, error: 'invalid_request' },
  { name: 'another service', form: { ...login, service: 'docker.io' }, status: 400, error: 'invalid_request' },
  { name: 'a form without end', form: { ...login, scope: 'x'.repeat(70_000) }, status: 413, error: 'invalid_request' },
]
for (const { name, form, status, error } of refusals) {
  test(`POST /token refuses ${name}`, async () => {
    const { app } = await inMemory()
    const answer = await post(app, form)
    assert.equal(answer.statusCode, status)
    const body = answer.json() as { error: string; error_description: string; errors: { message: string }[] }
    assert.equal(body.error, error)
    assert.equal(body.error_description, body.errors[0]?.message)
    await app.close()
  })
}

test('GET /token without credentials, and other methods', async () => {
  const { app } = await inMemory()
  const anonymous = await ask(app, 'GET', '/token?service=entrepot')
  assert.equal(anonymous.statusCode, 401)
  assert.match(String(anonymous.headers['www-authenticate']), /^Basic /)
  const wrong = await ask(app, 'PUT', '/token')
  assert.deepEqual([wrong.statusCode, wrong.headers.allow], [405, 'GET, POST'])
  await app.close()
})

test('Warning: what a login should know stands on the answers that people see, and on no other', async () => {
  const warned = { ...CI, warnings: ['ends soon', 'is older'] }
  const { app } = await inMemory({ auth: createFakeAuth([warned, READER]) })
  const manifest = JSON.stringify({ schemaVersion: 2 })
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const url = '/v2/acme/app/manifests/v1'
  const put = (login: typeof CI) =>
    app.inject({
      method: 'PUT',
      url,
      headers: { authorization: basic(login), 'content-type': type },
      payload: manifest,
    })
  const get = (login: typeof CI, method: string, path: string, more = {}) =>
    ask(app, method, path, { authorization: basic(login), ...more })
  const seen = [
    await put(warned),
    await get(warned, 'GET', url),
    await get(warned, 'HEAD', url),
    await get(warned, 'GET', url, { 'if-none-match': '*' }),
    await get(warned, 'GET', '/v2/'),
    await get(warned, 'GET', '/token?scope=repository:acme/app:pull'),
  ]
  assert.deepEqual(
    seen.map(({ statusCode }) => statusCode),
    [201, 200, 200, 304, 200, 200],
  )
  const header = ['299 - "ends soon"', '299 - "is older"']
  for (const answer of seen) assert.deepEqual(answer.headers['warning'], header)
  for (const path of [url, '/v2/', '/token']) {
    assert.equal((await get(READER, 'GET', path)).headers['warning'], undefined)
  }
  assert.equal((await get(warned, 'GET', '/v2/acme/app/tags/list')).headers['warning'], undefined)
  await app.close()
})
