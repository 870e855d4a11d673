import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import type { Client, Forwarding } from './client.ts'
import { createClientOf, isLoopback, parseNetworks } from './client.ts'

interface Request {
  peer?: string
  tls?: boolean
  headers?: Record<string, string>
}

function clientOf(request: Request, forwarding: Forwarding): Client {
  const socket = { remoteAddress: request.peer ?? '10.0.0.1', encrypted: request.tls === true }
  return createClientOf(forwarding)({ socket, headers: request.headers ?? {} } as unknown as IncomingMessage)
}

const trusting: Forwarding = { trustedProxies: ['10.0.0.0/8', 'fd00::/8'] }

const addresses: { name: string; request: Request; forwarding?: Forwarding; want: string }[] = [
  { name: 'the peer', request: { peer: '192.0.2.7' }, want: '192.0.2.7' },
  { name: 'IPv4 inside IPv6 is IPv4', request: { peer: '::ffff:192.0.2.7' }, want: '192.0.2.7' },
  {
    name: 'an untrusted peer may claim what it likes',
    request: { peer: '192.0.2.7', headers: { 'x-forwarded-for': '127.0.0.1' } },
    want: '192.0.2.7',
  },
  {
    name: 'nobody is trusted by default',
    request: { headers: { 'x-forwarded-for': '198.51.100.1' } },
    forwarding: { trustedProxies: [] },
    want: '10.0.0.1',
  },
  { name: 'one proxy', request: { headers: { 'x-forwarded-for': '198.51.100.1' } }, want: '198.51.100.1' },
  {
    name: 'a mapped peer is trusted as IPv4',
    request: { peer: '::ffff:10.0.0.9', headers: { 'x-forwarded-for': '198.51.100.1' } },
    want: '198.51.100.1',
  },
  {
    name: 'what a client wrote to the left of the proxies is its own story',
    request: { headers: { 'x-forwarded-for': '127.0.0.1, 198.51.100.1, 10.0.0.2' } },
    want: '198.51.100.1',
  },
  {
    name: 'only proxies: the farthest',
    request: { headers: { 'x-forwarded-for': '10.0.0.3, 10.0.0.2' } },
    want: '10.0.0.3',
  },
  {
    name: 'an entry that is no address ends the walk',
    request: { headers: { 'x-forwarded-for': '127.0.0.1, unknown, 10.0.0.2' } },
    want: '10.0.0.2',
  },
  { name: 'nothing readable: the proxy', request: { headers: { 'x-forwarded-for': 'unknown' } }, want: '10.0.0.1' },
  { name: 'with a port', request: { headers: { 'x-forwarded-for': '198.51.100.1:4711' } }, want: '198.51.100.1' },
  { name: 'IPv6 with a port', request: { headers: { 'x-forwarded-for': '[2001:DB8::1]:4711' } }, want: '2001:db8::1' },
  {
    name: 'the other header is not read: the proxy passes it on unread',
    request: { headers: { forwarded: 'for=127.0.0.1' } },
    want: '10.0.0.1',
  },
  {
    name: 'RFC 7239, when that is what the proxies write',
    request: {
      headers: { forwarded: 'for=127.0.0.1, For="[2001:db8::17]:4711";proto=https', 'x-forwarded-for': '1.1.1.1' },
    },
    forwarding: { ...trusting, header: 'forwarded' },
    want: '2001:db8::17',
  },
]
for (const { name, request, forwarding, want } of addresses) {
  test(`clientOf: ${name}`, () => assert.equal(clientOf(request, forwarding ?? trusting).address, want))
}

test('clientOf: scheme and host are those of the nearest proxy', () => {
  const headers = { host: 'inner:5000', 'x-forwarded-proto': 'http, https', 'x-forwarded-host': 'evil, cr.example.com' }
  const { scheme, host } = clientOf({ headers }, trusting)
  assert.deepEqual({ scheme, host }, { scheme: 'https', host: 'cr.example.com' })
})

test('clientOf: an untrusted peer cannot set scheme or host', () => {
  const headers = { host: 'inner:5000', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil' }
  const { scheme, host } = clientOf({ peer: '192.0.2.7', headers }, trusting)
  assert.deepEqual({ scheme, host }, { scheme: 'http', host: 'inner:5000' })
})

test('clientOf: TLS of the connection itself', () => {
  assert.equal(clientOf({ tls: true }, trusting).scheme, 'https')
})

test('isLoopback: a request that came through a proxy never counts', () => {
  const local = { peer: '127.0.0.1' }
  assert.ok(isLoopback(clientOf(local, { trustedProxies: [] })))
  assert.ok(isLoopback(clientOf({ peer: '::1' }, { trustedProxies: [] })))
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host']) {
    assert.ok(!isLoopback(clientOf({ ...local, headers: { [name]: '127.0.0.1' } }, { trustedProxies: [] })), name)
  }
  assert.ok(!isLoopback(clientOf(local, { trustedProxies: ['127.0.0.0/8'] })))
  assert.ok(!isLoopback(clientOf({ peer: '10.0.0.1', headers: { 'x-forwarded-for': '127.0.0.1' } }, trusting)))
})

for (const network of ['10.0.0.0/33', 'fd00::/129', 'example.com', '10.0.0.0/8/8', '', '10.0.0.0/-1', '10.0.0.0/x']) {
  test(`parseNetworks: ${JSON.stringify(network)} is refused by name`, () => {
    assert.throws(() => parseNetworks([network]), TypeError)
  })
}
