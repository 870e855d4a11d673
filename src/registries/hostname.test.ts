import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loginHost, registryHostname, reservedNames } from './hostname.ts'

const locations = [
  { id: 'de/fra', between: null },
  { id: 'es/vit', between: 'cr.es-vit' },
]
const cases = [
  {
    name: 'no public URL, no domain: as the caller reached us',
    publicUrl: null,
    domain: null,
    location: 'de/fra',
    want: '127.0.0.1:5000/acme',
    login: '127.0.0.1:5000',
  },
  {
    name: 'a public URL',
    publicUrl: 'https://cr.example.com',
    domain: null,
    location: 'de/fra',
    want: 'cr.example.com/acme',
    login: 'cr.example.com',
  },
  {
    name: 'a domain',
    publicUrl: 'https://cr.example.com',
    domain: 'example.com',
    location: 'de/fra',
    want: 'acme.example.com',
    login: 'acme.example.com',
  },
  {
    name: 'a domain with labels of the location',
    publicUrl: null,
    domain: 'example.com',
    location: 'es/vit',
    want: 'acme.cr.es-vit.example.com',
    login: 'acme.cr.es-vit.example.com',
  },
]
for (const { name, publicUrl, domain, location, want, login } of cases) {
  test(`registryHostname: ${name}`, () => {
    const hostname = registryHostname({ publicUrl, domain, locations }, { name: 'acme', location }, '127.0.0.1:5000')
    assert.equal(hostname, want)
    assert.equal(loginHost(hostname), login)
  })
}

test('reservedNames: the label of the public host under the domain, or under a location of it', () => {
  const names = (publicUrl: string, domain: string | null) => [...reservedNames({ publicUrl, domain, locations })]
  assert.deepEqual(names('https://registry.example.com', 'example.com'), ['registry'])
  assert.deepEqual(names('https://api.cr.es-vit.example.com', 'example.com'), ['api'])
  assert.deepEqual(names('https://example.com', 'example.com'), [])
  assert.deepEqual(names('https://registry.example.com', null), [])
})
