import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteManagementPath } from './paths.ts'

const cases: { name: string; url: string; want?: string }[] = [
  { name: 'an ordinary path', url: '/registries/1?x=%zz' },
  { name: 'an escape', url: '/names/a%2Fb' },
  { name: 'a percent sign that begins no escape', url: '/registries/%zz?x=%', want: '/registries/%25zz?x=%' },
  { name: 'one beside an escape', url: '/names/%41%', want: '/names/%2541%25' },
  { name: 'bytes that are no UTF-8', url: '/containerregistries/names/%ff', want: '/containerregistries/names/%25ff' },
  {
    name: 'one in a repository name',
    url: '/registries/1/repositories/a/%',
    want: '/registries/1/repositories/a%2F%25',
  },
  { name: 'a repository name', url: '/registries/1/repositories/a/b', want: '/registries/1/repositories/a%2Fb' },
  { name: 'our own door', url: '/api/v1/x/%zz', want: '/api/v1/x/%25zz' },
  { name: 'another plane', url: '/ui/%zz' },
  { name: 'another plane whose name begins alike', url: '/containerregistriesx/%zz' },
]
for (const { name, url, want = url } of cases) {
  test(`rewriteManagementPath: ${name}`, () => assert.equal(rewriteManagementPath(url), want))
}
