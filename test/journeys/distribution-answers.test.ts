import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Digest } from '../../src/domain/digest.ts'
import type { OpenedBlob } from '../../src/registry/registry.ts'
import { basic, CI, distributionUnderTest, inMemory, listen } from '../support/distribution-server.ts'
import { createMemoryRegistry, sha256 } from '../support/memory-registry.ts'

const authorization = basic(CI)
const registry = createMemoryRegistry()
const blob = Buffer.from(Array.from({ length: 2048 }, (_, i) => i % 251))
const digest = sha256(blob)
let server: Awaited<ReturnType<typeof inMemory>>

before(async () => {
  server = await distributionUnderTest({ registry, deps: { maxManifestBytes: 10_000 } })
  await ask('POST', `/v2/acme/app/blobs/uploads/?digest=${digest}`, {}, blob)
  await putManifest('v1', { schemaVersion: 2 })
})
after(() => server.app.close())

async function ask(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  payload?: InjectOptions['payload'],
): Promise<LightMyRequestResponse> {
  const options = { method, url, headers: { authorization, ...headers }, ...(payload === undefined ? {} : { payload }) }
  return await server.app.inject(options as InjectOptions)
}

async function putManifest(
  reference: string,
  manifest: object,
  contentType = 'application/vnd.oci.image.manifest.v1+json',
) {
  const url = `/v2/acme/app/manifests/${reference}`
  return await ask('PUT', url, { 'content-type': contentType }, JSON.stringify(manifest))
}

const ranges: [header: string, status: number, start: number, end: number][] = [
  ['bytes=500-1499', 206, 500, 1500],
  ['bytes=500-', 206, 500, 2048],
  ['bytes=-500', 206, 1548, 2048],
  ['bytes=2000-5000', 206, 2000, 2048],
  ['bytes=0-0', 206, 0, 1],
  ['bytes=500-0', 416, 0, 0],
  ['bytes=5000-10000', 416, 0, 0],
  ['bytes=0-1,4-5', 200, 0, 2048],
  ['lines=0-1', 200, 0, 2048],
]
for (const hot of [false, true]) {
  for (const [header, status, start, end] of ranges) {
    test(`GET blob, ${header}${hot ? ', in memory' : ''}`, async () => {
      registry.hot = hot
      registry.chunkBytes = 700
      const answer = await ask('GET', `/v2/acme/app/blobs/${digest}`, { range: header })
      assert.equal(answer.statusCode, status)
      if (status === 416) assert.equal(answer.headers['content-range'], 'bytes */2048')
      else assert.ok(answer.rawPayload.equals(blob.subarray(start, end)))
      if (status === 206) assert.equal(answer.headers['content-range'], `bytes ${start}-${end - 1}/2048`)
    })
  }
}

test('GET blob: headers, 304, If-Range', async () => {
  const path = `/v2/acme/app/blobs/${digest}`
  const { headers } = await ask('GET', path)
  assert.equal(headers['content-type'], 'application/octet-stream')
  assert.equal(headers['docker-distribution-api-version'], 'registry/2.0')
  assert.equal(headers['cache-control'], 'private, max-age=31536000, immutable')
  assert.equal(headers.etag, `"${digest}"`)
  for (const method of ['GET', 'HEAD']) {
    const same = await ask(method, path, { 'if-none-match': `"x", "${digest}"` })
    assert.deepEqual([same.statusCode, same.body], [304, ''])
  }
  const part = await ask('GET', path, { range: 'bytes=0-0', 'if-range': `"${digest}"` })
  assert.equal(part.statusCode, 206)
  const whole = await ask('GET', path, { range: 'bytes=0-0', 'if-range': '"other"' })
  assert.equal(whole.statusCode, 200)
  const gone = await ask('GET', `/v2/acme/app/blobs/${sha256(Buffer.from('no'))}`, { 'if-none-match': '*' })
  assert.equal(gone.statusCode, 404)
})

test('manifests: a tag is revalidated, a digest is for ever', async () => {
  const tag = await ask('GET', '/v2/acme/app/manifests/v1', { accept: 'application/x, application/y' })
  assert.equal(tag.headers['cache-control'], 'private, no-cache')
  const byDigest = await ask('GET', `/v2/acme/app/manifests/${tag.headers['docker-content-digest']}`)
  assert.match(String(byDigest.headers['cache-control']), /immutable/)
})

test('manifests: a pull is counted by GET 200 only', async () => {
  registry.acts.length = 0
  const first = await ask('GET', '/v2/acme/app/manifests/v1')
  await ask('HEAD', '/v2/acme/app/manifests/v1')
  await ask('GET', '/v2/acme/app/manifests/v1', { 'if-none-match': String(first.headers.etag) })
  assert.deepEqual(registry.acts, ['pullManifest', 'statManifest', 'statManifest'])
})

test('manifests: subject and tags are confirmed', async () => {
  const subject = sha256(Buffer.from('a subject that is not there'))
  const answer = await putManifest('v2', { schemaVersion: 2, subject: { digest: subject } })
  assert.equal(answer.headers['oci-subject'], subject)
  assert.equal(answer.headers['oci-tag'], undefined)
})

const pushes: { name: string; url: string; body?: string; status: number; code: string }[] = [
  {
    name: 'a body that is too long names the limit',
    url: 'v1',
    body: 'x'.repeat(10_001),
    status: 413,
    code: 'MANIFEST_INVALID',
  },
  { name: 'a body that is no JSON', url: 'v1', body: 'x', status: 400, code: 'MANIFEST_INVALID' },
  { name: 'no body', url: 'v1', body: '', status: 400, code: 'MANIFEST_INVALID' },
  { name: 'a bad tag', url: '.v1', status: 400, code: 'TAG_INVALID' },
  { name: 'a bad digest', url: 'sha256:baddigeststring', status: 400, code: 'DIGEST_INVALID' },
  { name: 'another digest', url: `sha256:${'0'.repeat(64)}`, status: 400, code: 'DIGEST_INVALID' },
  { name: 'tags behind a tag', url: 'v1?tag=v2', status: 400, code: 'TAG_INVALID' },
  { name: 'a bad tag among others', url: `${digest}?tag=v1&tag=-`, status: 400, code: 'TAG_INVALID' },
  { name: 'tags without end', url: `${digest}?${'tag=v1&'.repeat(101)}`, status: 414, code: 'TAG_INVALID' },
]
for (const { name, url, body = '{}', status, code } of pushes) {
  test(`PUT manifest: ${name}`, async () => {
    const answer = await ask('PUT', `/v2/acme/app/manifests/${url}`, {}, body)
    assert.deepEqual([answer.statusCode, answer.json().errors[0].code], [status, code])
    if (status === 413) assert.match(answer.json().errors[0].message, /10000 bytes/)
  })
}

test('tags/list: pages by Link, n=0, unknown repositories', async () => {
  for (const tag of ['b', 'a', 'c', 'A', '_x']) await ask('PUT', `/v2/acme/paged/manifests/${tag}`, {}, '{}')
  const names: string[] = []
  let next: string | undefined = '/v2/acme/paged/tags/list?n=2'
  while (next !== undefined) {
    const page: LightMyRequestResponse = await ask('GET', next)
    names.push(...page.json().tags)
    next = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link))?.[1]
  }
  assert.deepEqual(names, ['A', '_x', 'a', 'b', 'c'])
  const none = await ask('GET', '/v2/acme/paged/tags/list?n=0')
  assert.deepEqual([none.json().tags, none.headers.link], [[], undefined])
  const bad = await ask('GET', '/v2/acme/paged/tags/list?n=-1')
  assert.deepEqual([bad.statusCode, bad.json().errors[0].code], [400, 'PAGINATION_NUMBER_INVALID'])
  for (const query of ['', '?n=0']) {
    const unknown = await ask('GET', `/v2/acme/nothing/tags/list${query}`)
    assert.deepEqual([unknown.statusCode, unknown.json().errors[0].code], [404, 'NAME_UNKNOWN'])
  }
})

test('referrers: filtered, paged, cut at 4 MiB, empty for what is not there', async () => {
  const subject = sha256(Buffer.from('subject'))
  for (let i = 0; i < 5; i++) {
    const annotations = { i: String(i), pad: i > 2 ? 'x'.repeat(9_000) : '' }
    const artifactType = i % 2 === 0 ? 'application/even+json' : 'application/odd'
    await putManifest(`r${i}`, { schemaVersion: 2, subject: { digest: subject }, artifactType, annotations })
  }
  const path = `/v2/acme/app/referrers/${subject}`
  const all = await ask('GET', path)
  assert.equal(all.headers['content-type'], 'application/vnd.oci.image.index.v1+json')
  assert.equal(all.json().manifests.length, 5)
  assert.equal(all.headers['oci-filters-applied'], undefined)
  for (const type of ['application/even+json', 'application%2Feven%2Bjson']) {
    const even = await ask('GET', `${path}?artifactType=${type}`)
    assert.equal(even.headers['oci-filters-applied'], 'artifactType')
    assert.equal(even.json().manifests.length, 3)
  }
  const seen: string[] = []
  let next: string | undefined = `${path}?artifactType=application/even%2Bjson&n=2`
  while (next !== undefined) {
    const page: LightMyRequestResponse = await ask('GET', next)
    seen.push(...page.json().manifests.map((descriptor: { digest: string }) => descriptor.digest))
    next = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link))?.[1]
  }
  assert.equal(new Set(seen).size, 3)
  const none = await ask('GET', `/v2/acme/nowhere/referrers/${subject}`)
  assert.deepEqual(none.json(), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [],
  })
})

test('referrers: megabytes of annotations are cut into pages, none lost', async () => {
  const big = createMemoryRegistry()
  const { app } = await distributionUnderTest({ registry: big, deps: { maxManifestBytes: 4_000_000 } })
  const subject = sha256(Buffer.from('subject'))
  for (let i = 0; i < 5; i++) {
    const payload = JSON.stringify({ subject: { digest: subject }, annotations: { [i]: 'x'.repeat(1_500_000) } })
    await app.inject({ method: 'PUT', url: `/v2/acme/app/manifests/r${i}`, headers: { authorization }, payload })
  }
  const sizes: number[] = []
  let next: string | undefined = `/v2/acme/app/referrers/${subject}`
  while (next !== undefined) {
    const page: LightMyRequestResponse = await app.inject({ url: next, headers: { authorization } })
    assert.ok(page.rawPayload.length < 4.1 * 1024 * 1024)
    sizes.push(page.json().manifests.length)
    next = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link))?.[1]
  }
  assert.deepEqual(sizes, [2, 2, 1])
  await app.close()
})

test('_catalog: over registries, in byte order of the full name', async () => {
  const { app, registry: acts } = await inMemory()
  for (const name of ['acme/b', 'acme/a/x', 'acme-two/z', 'acme/a']) {
    await app.inject({ method: 'PUT', url: `/v2/${name}/manifests/v1`, headers: { authorization }, payload: '{}' })
  }
  const list = async (url: string) => await app.inject({ url, headers: { authorization } })
  assert.deepEqual((await list('/v2/_catalog')).json().repositories, ['acme-two/z', 'acme/a', 'acme/a/x', 'acme/b'])
  const paged: string[] = []
  let next: string | undefined = '/v2/_catalog?n=1'
  while (next !== undefined) {
    const page: LightMyRequestResponse = await list(next)
    paged.push(...page.json().repositories)
    next = /^<([^>]+)>; rel="next"$/.exec(String(page.headers.link))?.[1]
  }
  assert.deepEqual(paged, ['acme-two/z', 'acme/a', 'acme/a/x', 'acme/b'])
  assert.deepEqual((await list('/v2/_catalog?last=acme/a')).json().repositories, ['acme/a/x', 'acme/b'])
  assert.deepEqual((await list('/v2/_catalog?last=zzz')).json().repositories, [])
  assert.deepEqual((await list('/v2/_catalog?n=0')).json().repositories, [])
  assert.deepEqual((await list('/v2/acme/_catalog')).json().repositories, ['acme/a', 'acme/a/x', 'acme/b'])
  assert.ok('acts' in acts)
  await app.close()
})

const refusals: { name: string; method?: string; url: string; status: number; code: string; says: RegExp }[] = [
  { name: 'no such path', url: '/v2/acme/app', status: 404, code: 'NAME_UNKNOWN', says: /nothing is served/ },
  {
    name: 'no registry in the name',
    url: '/v2/app/manifests/v1',
    status: 400,
    code: 'NAME_INVALID',
    says: /localhost:80\/<registry>\/app:<tag>/,
  },
  { name: 'upper case', url: '/v2/acme/App/manifests/v1', status: 400, code: 'NAME_INVALID', says: /"App"/ },
  {
    name: 'a registry name that cannot be',
    url: '/v2/a/b/manifests/v1',
    status: 400,
    code: 'NAME_INVALID',
    says: /"a" is not a registry/,
  },
  { name: 'a double slash', url: '/v2/acme//app/manifests/v1', status: 400, code: 'NAME_INVALID', says: /"\/app"/ },
  {
    name: 'an escaped slash',
    url: '/v2/acme%2Fapp/manifests/v1',
    status: 404,
    code: 'NAME_UNKNOWN',
    says: /escaped slash/,
  },
  {
    name: 'a name without end',
    url: `/v2/acme/${'a'.repeat(600)}/manifests/v1`,
    status: 400,
    code: 'NAME_INVALID',
    says: /512/,
  },
  {
    name: 'a path without end',
    url: `/v2/acme/${'a/'.repeat(2100)}manifests/v1`,
    status: 414,
    code: 'NAME_INVALID',
    says: /4096/,
  },
  {
    name: 'a wrong method',
    method: 'POST',
    url: '/v2/acme/app/manifests/v1',
    status: 405,
    code: 'UNSUPPORTED',
    says: /GET, HEAD, PUT, DELETE/,
  },
  { name: 'a rare method', method: 'PROPFIND', url: '/v2/', status: 405, code: 'UNSUPPORTED', says: /GET, HEAD/ },
  { name: 'a foreign registry', url: '/v2/other/app/manifests/v1', status: 403, code: 'DENIED', says: /may not/ },
  {
    name: 'an unknown manifest',
    url: '/v2/acme/app/manifests/nope',
    status: 404,
    code: 'MANIFEST_UNKNOWN',
    says: /manifest/,
  },
  {
    name: 'an unknown blob',
    url: `/v2/acme/app/blobs/sha512:${'0'.repeat(128)}`,
    status: 404,
    code: 'BLOB_UNKNOWN',
    says: /blob/,
  },
  {
    name: 'a bad digest',
    url: '/v2/acme/app/blobs/sha256:short',
    status: 400,
    code: 'DIGEST_INVALID',
    says: /sha256:short/,
  },
  {
    name: 'a bad digest of a subject',
    url: '/v2/acme/app/referrers/x',
    status: 400,
    code: 'DIGEST_INVALID',
    says: /"x"/,
  },
]
for (const { name, method = 'GET', url, status, code, says } of refusals) {
  test(`refused: ${name}`, async () => {
    const answer = await ask(method, url)
    const { errors } = answer.json() as { errors: { code: string; message: string }[] }
    assert.deepEqual([answer.statusCode, errors[0]?.code], [status, code])
    assert.match(errors[0]?.message ?? '', says)
    if (status === 405) assert.ok(answer.headers.allow)
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  })
}

test('HEAD: an error has the headers of its GET and no body', async () => {
  for (const path of ['/v2/acme/app/manifests/nope', `/v2/acme/app/blobs/sha256:${'0'.repeat(64)}`, '/v2/App/x']) {
    const get = await ask('GET', path)
    const head = await ask('HEAD', path)
    assert.equal(head.body, '')
    assert.equal(head.statusCode, get.statusCode)
    assert.equal(head.headers['content-length'], get.headers['content-length'])
    assert.equal(head.headers['content-type'], 'application/json')
  }
})

test('the unforeseen: 500, an id in body and log, and nothing else', async () => {
  const broken = { ...createMemoryRegistry(), pullManifest: () => Promise.reject(new Error('secret: /var/lib')) }
  const { app, log } = await distributionUnderTest({ registry: broken })
  const answer = await app.inject({ url: '/v2/acme/app/manifests/v1', headers: { authorization } })
  assert.equal(answer.statusCode, 500)
  assert.ok(!answer.body.includes('secret'))
  const { id } = answer.json().errors[0].detail
  const line = log.find(({ level }) => level === 'error')
  assert.equal(line?.facts['errorId'], id)
  await app.close()
})

test('storage that fails in the middle of a blob cuts the connection; at its start it is still an answer', async () => {
  const failing = (after: number) => ({
    ...createMemoryRegistry(),
    openBlob: async (): Promise<OpenedBlob> => ({
      digest: digest as Digest,
      size: 1_000_000,
      peek: () => null,
      async *read() {
        for (let i = 0; i < after; i++) yield Buffer.alloc(1000)
        throw new Error('the disk is gone')
      },
    }),
  })
  for (const [after, status] of [
    [0, 500],
    [5, 200],
  ] as const) {
    const { app, log } = await distributionUnderTest({ registry: failing(after) })
    const url = await listen(app)
    const got = await fetch(`${url}/v2/acme/app/blobs/${digest}`, { headers: { authorization } }).catch(() => null)
    if (status === 500) assert.equal(got?.status, 500)
    else if (got !== null) await assert.rejects(got.arrayBuffer())
    assert.equal(log.filter(({ level }) => level === 'error').length, 1)
    await app.close()
  }
})
