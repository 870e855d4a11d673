import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import { selfSigned } from '../../test/support/self-signed.ts'
import type { EgressError, EgressOptions, EgressRequest } from './egress.ts'
import { createEgress } from './egress.ts'

const LOOPBACK = ['127.0.0.0/8', '::1']
const egress = (options: Partial<EgressOptions> = {}) =>
  createEgress({ allow: LOOPBACK, timeoutMs: 20_000, maxBytes: 1_000, ...options })
const at = (...addresses: string[]) => ({
  resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
})
const reasonOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'answered',
    (error: EgressError) => error.reason ?? String(error),
  )

async function listening(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) (server.closeAllConnections as () => void)()
      }),
  }
}
const serving = (answer: RequestListener) => listening(createServer(answer))
/** Answers every connection with these bytes, whatever was asked. */
const saying = (text: string) =>
  listening(
    createTcpServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(text, () => socket.destroySoon()))
    }),
  )

const refusedAddresses = [
  { name: 'loopback', url: 'https://127.0.0.1/' },
  { name: 'loopback in hexadecimal', url: 'https://0x7f.0.0.1/' },
  { name: 'loopback as one number', url: 'https://2130706433/' },
  { name: 'loopback in octal', url: 'https://0177.0.0.1/' },
  { name: 'loopback cut short', url: 'https://127.1/' },
  { name: 'loopback in full-width digits', url: 'https://１２７.0.0.1/' },
  { name: 'loopback of IPv6', url: 'https://[::1]/' },
  { name: 'IPv4-mapped loopback', url: 'https://[::ffff:127.0.0.1]/' },
  { name: 'unspecified', url: 'https://0.0.0.0/' },
  { name: 'the metadata service of a cloud', url: 'http://169.254.169.254/latest/meta-data/' },
  { name: 'the same by https', url: 'https://169.254.169.254/' },
  { name: 'a private network', url: 'https://10.0.0.1/' },
  { name: 'a public address without https', url: 'http://1.1.1.1/' },
]
for (const { name, url } of refusedAddresses) {
  test(`egress: refuses ${name}`, async () => {
    assert.equal(await reasonOf(egress({ allow: [] })(url)), 'address')
  })
}

const refusedNames = [
  { name: 'a name of a private address', addresses: ['10.0.0.1'] },
  { name: 'a name of nothing but private ones', addresses: ['192.168.0.1', 'fd00::1', '169.254.169.254'] },
  { name: 'a name of an IPv4-mapped address', addresses: ['::ffff:10.0.0.1'] },
  { name: 'a name of a zoned address', addresses: ['fe80::1%eth0'] },
  { name: 'a name without addresses', addresses: [] },
]
for (const { name, addresses } of refusedNames) {
  test(`egress: refuses ${name}`, async () => {
    await assert.rejects(egress({ allow: [], ...at(...addresses) })('https://idp.example/'), {
      reason: 'address',
      message: /^https:\/\/idp\.example may not be reached: its address is not a public one/,
    })
  })
}

test('egress: the message names no address that a name has inside', async () => {
  await assert.rejects(egress({ allow: [], ...at('10.20.30.40') })('https://idp.example/'), (error: EgressError) => {
    assert.doesNotMatch(error.message, /10\.20/)
    assert.equal(error.cause, '10.20.30.40')
    return true
  })
})

const refusedUrls = [
  'ftp://idp.example/',
  'file:///etc/passwd',
  'data:text/plain,x',
  'javascript:1',
  'gopher://127.0.0.1/',
  'https://ann:secret@idp.example/',
  '/path',
  '',
  'https://',
  'https://[fe80::1%25eth0]/',
]
for (const url of refusedUrls) {
  test(`egress: "${url}" cannot be used`, async () => {
    assert.equal(await reasonOf(egress(at('127.0.0.1'))(url)), 'url')
  })
}

test('egress: resolves once and connects to what was looked at, not to what the name means later', async () => {
  await using server = await serving((request, reply) => reply.end(request.headers.host))
  const answers = [['127.0.0.1'], ['169.254.169.254']]
  let asked = 0
  const resolve = async () => (answers[asked++] ?? []).map((address) => ({ address, family: 4 }))
  const answer = await egress({ resolve })(`http://rebinding.example:${server.port}/`)
  assert.equal(await answer.text(), `rebinding.example:${server.port}`)
  assert.equal(asked, 1)
})

test('egress: of several addresses only those that may be reached are tried', async () => {
  await using server = await serving((_, reply) => reply.end('here'))
  const mixed = egress({ allow: ['127.0.0.1'], ...at('127.0.0.2', '10.0.0.1', '127.0.0.1') })
  assert.equal(await (await mixed(`http://mixed.example:${server.port}/`)).text(), 'here')
})

test('egress: method, headers and body go out; status, headers and body come in', async () => {
  await using server = await serving((request, reply) => {
    const { method, headers } = request
    reply.writeHead(418, { 'set-cookie': ['a=1', 'b=2'], 'x-latin': 'caf\u00e9' })
    request.once('data', (body: Buffer) =>
      reply.end(JSON.stringify([method, headers['x-asked'], headers['accept-encoding'], `${body}`])),
    )
  })
  const request: EgressRequest = { method: 'POST', headers: { 'x-asked': 'yes' }, body: 'a=b' }
  const answer = await egress()(`http://127.0.0.1:${server.port}/x`, request)
  assert.equal(answer.status, 418)
  assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.deepEqual(await answer.json(), ['POST', 'yes', 'identity', 'a=b'])
})

test('egress: by https the certificate must be for that name', async () => {
  const { cert, key } = selfSigned('localhost')
  await using server = await listening(createTlsServer({ cert, key }, (_, reply) => reply.end('secure')))
  const url = `https://localhost:${server.port}/`
  const home = at('127.0.0.1')
  assert.equal(await (await egress({ ca: cert, ...home })(url)).text(), 'secure')
  assert.equal(await reasonOf(egress(home)(url)), 'unreachable')
  assert.equal(await reasonOf(egress({ ca: cert, ...home })(`https://other.example:${server.port}/`)), 'unreachable')
  assert.equal(await reasonOf(egress({ ca: cert, ...home })(`http://localhost:${server.port}/`)), 'unreachable')
})

const redirects = [
  { name: 'to another path', to: '/end', want: 'end' },
  { name: 'to another port', to: 'http://127.0.0.1:1/end', want: 'redirect' },
  { name: 'to another host', to: 'http://127.0.0.2/end', want: 'redirect' },
  { name: 'to another scheme', to: 'https://127.0.0.1/end', want: 'redirect' },
  { name: 'to a file', to: 'file:///etc/passwd', want: 'redirect' },
  { name: 'to nonsense', to: 'http://[', want: 'redirect' },
  { name: 'without end', to: '/again', want: 'redirect' },
  { name: 'of a POST', to: '/end', method: 'POST', want: 'redirect' },
  { name: 'that is not expected', to: '/end', redirect: 'error', want: 'redirect' },
] as const
for (const { name, to, want, ...request } of redirects) {
  test(`egress: a redirect ${name}`, async () => {
    await using server = await serving((asked, reply) => {
      if (asked.url === '/end') reply.end('end')
      else reply.writeHead(302, { location: to }).end('away')
    })
    const got = egress()(`http://127.0.0.1:${server.port}/`, request).then((answer) => answer.text())
    assert.equal(want === 'end' ? await got : await reasonOf(got), want)
  })
}

test('egress: a redirect is handed out when asked for by hand', async () => {
  await using server = await serving((_, reply) => reply.writeHead(302, { location: 'http://10.0.0.1/' }).end())
  const answer = await egress()(`http://127.0.0.1:${server.port}/`, { redirect: 'manual' })
  assert.deepEqual([answer.status, answer.headers.get('location')], [302, 'http://10.0.0.1/'])
  await answer.body?.cancel()
})

test('egress: what says that it is too large is not read', async () => {
  await using server = await serving((_, reply) => reply.writeHead(200, { 'content-length': '1001' }).flushHeaders())
  assert.equal(await reasonOf(egress()(`http://127.0.0.1:${server.port}/`)), 'too_large')
})

test('egress: what is too large without saying so is read up to the limit', async () => {
  await using server = await serving((_, reply) => reply.write('x'.repeat(1_000)) && reply.write('x'))
  const answer = await egress()(`http://127.0.0.1:${server.port}/`)
  assert.equal(await reasonOf(answer.text()), 'too_large')
})

test('egress: as large as the limit is fine', async () => {
  await using server = await serving((_, reply) => reply.end('x'.repeat(1_000)))
  assert.equal((await (await egress()(`http://127.0.0.1:${server.port}/`)).text()).length, 1_000)
})

const silent: readonly { name: string; answer: RequestListener }[] = [
  { name: 'nothing', answer: () => {} },
  { name: 'headers and no body', answer: (_, reply) => reply.writeHead(200).flushHeaders() },
  { name: 'one byte of the body', answer: (_, reply) => reply.write('x') },
]
for (const { name, answer } of silent) {
  test(`egress: a server that sends ${name} has its time`, async () => {
    await using server = await serving(answer)
    const got = egress({ timeoutMs: 150 })(`http://127.0.0.1:${server.port}/`).then((one) => one.text())
    assert.equal(await reasonOf(got), 'timeout')
  })
}

test('egress: a name that is never answered has its time', async () => {
  const never = egress({ timeoutMs: 20, resolve: () => new Promise(() => {}) })
  assert.equal(await reasonOf(never('https://slow.example/')), 'timeout')
})

test('egress: the caller may give up', async () => {
  await using server = await serving(() => {})
  const signal = AbortSignal.abort()
  assert.equal(await reasonOf(egress()(`http://127.0.0.1:${server.port}/`, { signal })), 'timeout')
})

const strange = [
  { name: 'no HTTP', text: 'SSH-2.0-OpenSSH_9\r\n' },
  { name: 'nothing', text: '' },
  { name: 'a change of protocol', text: 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n' },
  { name: 'a status that does not exist', text: 'HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n' },
  { name: 'a body that breaks off', text: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc' },
  { name: 'endless headers', text: `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n` },
  { name: 'two lengths', text: 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab' },
]
for (const { name, text } of strange) {
  test(`egress: a server that says ${name}`, async () => {
    await using server = await saying(text)
    const got = egress()(`http://127.0.0.1:${server.port}/`).then((answer) => answer.text())
    assert.equal(await reasonOf(got), 'unreachable')
  })
}

test('egress: nobody listens', async () => {
  const server = await serving(() => {})
  const { port } = server
  await server[Symbol.asyncDispose]()
  assert.equal(await reasonOf(egress()(`http://127.0.0.1:${port}/`)), 'unreachable')
})

test('egress: a name that does not exist', async () => {
  const none = egress({ resolve: () => Promise.reject(new Error('ENOTFOUND')) })
  assert.equal(await reasonOf(none('https://nobody.example/')), 'unresolved')
})

test('egress: an answer without a body', async () => {
  await using server = await serving((_, reply) => reply.writeHead(204).end())
  const answer = await egress()(`http://127.0.0.1:${server.port}/`)
  assert.deepEqual([answer.status, await answer.text()], [204, ''])
})
