import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../http/client.ts'
import { challenge, realmOf } from './challenge.ts'
import { parsePath } from './path.ts'
import type { Site } from './site.ts'
import { PATH_STYLE } from './site.ts'

const host: Site = { style: 'host', registry: 'acme', service: 'acme.example.com' }
const client = (name: string | undefined, scheme: 'http' | 'https' = 'http'): Client => ({
  address: '192.0.2.1',
  scheme,
  host: name,
  proxied: false,
})

const scopes: { method: string; path: string; want: string | null }[] = [
  { method: 'GET', path: '/v2/', want: null },
  { method: 'GET', path: '/v2/nothing', want: null },
  { method: 'GET', path: '/v2/_catalog', want: 'registry:catalog:*' },
  { method: 'GET', path: '/v2/acme/app/manifests/v1', want: 'repository:acme/app:pull' },
  { method: 'HEAD', path: '/v2/acme/app/blobs/x', want: 'repository:acme/app:pull' },
  { method: 'GET', path: '/v2/acme/app/tags/list', want: 'repository:acme/app:pull' },
  { method: 'PUT', path: '/v2/acme/app/manifests/v1', want: 'repository:acme/app:pull,push' },
  { method: 'POST', path: '/v2/acme/app/blobs/uploads/', want: 'repository:acme/app:pull,push' },
  { method: 'PATCH', path: '/v2/acme/app/blobs/uploads/1', want: 'repository:acme/app:pull,push' },
  { method: 'GET', path: '/v2/acme/app/blobs/uploads/1', want: 'repository:acme/app:pull,push' },
  { method: 'DELETE', path: '/v2/acme/app/blobs/uploads/1', want: 'repository:acme/app:pull,push' },
  { method: 'DELETE', path: '/v2/acme/app/manifests/v1', want: 'repository:acme/app:delete' },
  { method: 'GET', path: '/v2/app/manifests/v1', want: 'repository:app:pull' },
  { method: 'GET', path: '/v2/A"pp/manifests/v1', want: null },
]

for (const { method, path, want } of scopes) {
  test(`challenge: ${method} ${path}`, () => {
    const text = challenge('http://h/token', PATH_STYLE, method, parsePath(path), null)
    const scope = want === null ? '' : `,scope="${want}"`
    assert.equal(text, `Bearer realm="http://h/token",service="entrepot"${scope}`)
  })
}

test('challenge: a token with too little is told so, behind the scope it needs', () => {
  const text = challenge('https://h/token', host, 'GET', parsePath('/v2/app/manifests/v1'), 'insufficient_scope')
  assert.equal(
    text,
    'Bearer realm="https://h/token",service="acme.example.com",scope="repository:app:pull",error="insufficient_scope"',
  )
})

const realms: { name: string; publicUrl: string | null; site: Site; client: Client; want: string }[] = [
  {
    name: 'path style: at the public URL',
    publicUrl: 'https://cr.example.com',
    site: PATH_STYLE,
    client: client('localhost:5000'),
    want: 'https://cr.example.com/token',
  },
  {
    name: 'without one: at the asked host',
    publicUrl: null,
    site: PATH_STYLE,
    client: client('localhost:5000'),
    want: 'http://localhost:5000/token',
  },
  {
    name: 'host style: at the asked host, with its port',
    publicUrl: 'https://cr.example.com',
    site: host,
    client: client('acme.example.com:8443'),
    want: 'https://acme.example.com:8443/token',
  },
  {
    name: 'the scheme of the connection',
    publicUrl: null,
    site: host,
    client: client('acme.example.com', 'https'),
    want: 'https://acme.example.com/token',
  },
  {
    name: 'a host that could break out of the quotes is not written',
    publicUrl: null,
    site: PATH_STYLE,
    client: client('x",realm="http://evil'),
    want: '/token',
  },
]
for (const { name, publicUrl, site, client: asking, want } of realms) {
  test(`realmOf: ${name}`, () => assert.equal(realmOf(publicUrl, site, asking), want))
}
