import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SiteRules } from './site.ts'
import { createSiteOf, isPrintableHost } from './site.ts'

const rules: SiteRules = {
  publicUrl: 'https://cr.example.com:8443',
  domain: 'example.com',
  locationLabels: ['cr.de-fra', 'cr.es-vit'],
}
const path = 'path entrepot'

const cases: { name: string; host: string | undefined; rules?: SiteRules; want: string }[] = [
  { name: 'no host', host: undefined, want: path },
  { name: 'an address', host: '127.0.0.1:5000', want: path },
  { name: 'an IPv6 address', host: '[::1]:5000', want: path },
  { name: 'an alias elsewhere', host: 'registry.internal', want: path },
  { name: 'the domain itself', host: 'example.com', want: path },
  { name: 'the public host is always path style', host: 'cr.example.com:8443', want: path },
  { name: 'the public host on another port', host: 'CR.example.com', want: path },
  { name: 'a registry', host: 'acme.example.com', want: 'host acme acme.example.com' },
  { name: 'a registry with a port', host: 'acme.example.com:5000', want: 'host acme acme.example.com' },
  { name: 'upper case', host: 'ACME.Example.COM', want: 'host acme acme.example.com' },
  { name: 'a final dot', host: 'acme.example.com.', want: 'host acme acme.example.com' },
  { name: 'a location between', host: 'acme.cr.de-fra.example.com', want: 'host acme acme.example.com' },
  { name: 'another location between', host: 'acme.cr.es-vit.example.com:443', want: 'host acme acme.example.com' },
  { name: 'an unknown label between', host: 'acme.cr.us-lax.example.com', want: path },
  { name: 'only a location', host: 'cr.de-fra.example.com', want: path },
  { name: 'no registry name is that short', host: 'ab.example.com', want: path },
  { name: 'a neighbour domain', host: 'acme.notexample.com', want: path },
  { name: 'no domain set', host: 'acme.example.com', rules: { publicUrl: null, domain: null }, want: path },
]

for (const { name, host, rules: given, want } of cases) {
  test(`siteOf: ${name}`, () => {
    const { style, registry, service } = createSiteOf(given ?? rules)(host)
    assert.equal([style, registry, service].filter((part) => part !== '').join(' '), want)
  })
}

test('siteOf: hosts without end do not fill the memory, and are read alike afterwards', () => {
  const siteOf = createSiteOf(rules)
  for (let i = 0; i < 5_000; i++) assert.equal(siteOf(`r${i}x.example.com`).registry, `r${i}x`)
  assert.equal(siteOf('acme.example.com').registry, 'acme')
})

const hosts: [host: string, printable: boolean][] = [
  ['localhost:5000', true],
  ['127.0.0.1', true],
  ['[2001:db8::1]:443', true],
  ['a_b.internal', true],
  ['evil"host', false],
  ['a b', false],
  ['host:port', false],
  ['', false],
  ['x'.repeat(400), false],
]
for (const [host, printable] of hosts) {
  test(`isPrintableHost: ${host.slice(0, 30)}`, () => assert.equal(isPrintableHost(host), printable))
}
