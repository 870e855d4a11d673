import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rewriteRepositoryPath } from './repository-paths.ts'

const HEX = 'ab'.repeat(32)
const R = '/registries/9bc72c7b-14d3-493e-a700-f9bc06b25614/repositories'

/** What stands behind `…/repositories`, and what the router is to see there. */
const cases: { name: string; path: string; want: string }[] = [
  { name: 'a list', path: '', want: '' },
  { name: 'a list with a query', path: '?limit=5', want: '?limit=5' },
  { name: 'an empty name', path: '/', want: '/' },
  { name: 'a name of one part', path: '/app', want: '/app' },
  { name: 'a literal slash (Python 1.1)', path: '/dev/tests', want: '/dev%2Ftests' },
  { name: 'several literal slashes', path: '/a/b/c?x=/y', want: '/a%2Fb%2Fc?x=/y' },
  { name: 'an encoded slash (Go)', path: '/dev%2Ftests', want: '/dev%2Ftests' },
  { name: 'an encoded slash in lower case', path: '/dev%2ftests', want: '/dev%2ftests' },
  { name: 'a slash encoded twice', path: '/dev%252Ftests', want: '/dev%2Ftests' },
  { name: 'a slash encoded twice in lower case', path: '/dev%252ftests', want: '/dev%2Ftests' },
  { name: 'all forms at once', path: '/a/b%2Fc%252Fd', want: '/a%2Fb%2Fc%2Fd' },
  { name: 'artifacts', path: '/app/artifacts', want: '/app/artifacts' },
  { name: 'artifacts with a query', path: '/a/b/artifacts?limit=1', want: '/a%2Fb/artifacts?limit=1' },
  { name: 'artifacts of an encoded name', path: '/a%2Fb/artifacts', want: '/a%2Fb/artifacts' },
  { name: 'artifacts of a name encoded twice', path: '/a%252Fb/artifacts', want: '/a%2Fb/artifacts' },
  { name: 'an artifact', path: `/app/artifacts/sha256:${HEX}`, want: `/app/artifacts/sha256:${HEX}` },
  {
    name: 'an artifact with an encoded colon',
    path: `/a/b/artifacts/sha256%3A${HEX}`,
    want: `/a%2Fb/artifacts/sha256%3A${HEX}`,
  },
  {
    name: 'an artifact with a colon encoded twice',
    path: `/a/artifacts/sha256%253A${HEX}`,
    want: `/a/artifacts/sha256%3A${HEX}`,
  },
  {
    name: 'vulnerabilities',
    path: `/a/b/artifacts/sha256:${HEX}/vulnerabilities?limit=1`,
    want: `/a%2Fb/artifacts/sha256:${HEX}/vulnerabilities?limit=1`,
  },
  {
    name: 'a repository below one called artifacts',
    path: `/a/artifacts/b/artifacts/sha256:${HEX}`,
    want: `/a%2Fartifacts%2Fb/artifacts/sha256:${HEX}`,
  },
  { name: 'artifacts of a repository called artifacts', path: '/artifacts/artifacts', want: '/artifacts/artifacts' },
  { name: 'a repository called artifacts', path: '/artifacts', want: '/artifacts' },
  {
    name: 'an artifact of one called artifacts',
    path: `/artifacts/artifacts/sha256:${HEX}`,
    want: `/artifacts/artifacts/sha256:${HEX}`,
  },
  { name: 'an encoded name with a part called artifacts', path: '/a%2Fartifacts%2Fb', want: '/a%2Fartifacts%2Fb' },
  { name: 'a longer name with a part called artifacts', path: '/a/artifacts/b/c', want: '/a%2Fartifacts%2Fb%2Fc' },
  { name: 'a tag where a digest belongs', path: '/a/b/artifacts/latest', want: '/a%2Fb/artifacts/latest' },
  { name: 'a repository called vulnerabilities', path: '/a/vulnerabilities', want: '/a%2Fvulnerabilities' },
  { name: 'a name that climbs', path: '/../../v2', want: '/..%2F..%2Fv2' },
  { name: 'a broken escape', path: '/a/%zz', want: '/a%2F%zz' },
]
for (const mount of ['', '/containerregistries']) {
  for (const { name, path, want } of cases) {
    test(`rewriteRepositoryPath ${mount}: ${name}`, () => {
      assert.equal(rewriteRepositoryPath(mount + R + path), mount + R + want)
      assert.equal(rewriteRepositoryPath(mount + R + want), mount + R + want)
    })
  }
}

const ours: { path: string; want: string }[] = [
  { path: '/app/usage', want: '/app/usage' },
  { path: '/a/b/usage?from=2026-01-01', want: '/a%2Fb/usage?from=2026-01-01' },
  { path: '/a%2Fb/usage', want: '/a%2Fb/usage' },
  { path: '/a/usage/usage', want: '/a%2Fusage/usage' },
  { path: '/a/b', want: '/a%2Fb' },
]
for (const { path, want } of ours) {
  test(`rewriteRepositoryPath /api/v1: ${path}`, () => {
    assert.equal(rewriteRepositoryPath(`/api/v1${R}${path}`), `/api/v1${R}${want}`)
  })
}
test('rewriteRepositoryPath: in the product’s API a repository may be called usage', () => {
  assert.equal(rewriteRepositoryPath(`${R}/a/usage`), `${R}/a%2Fusage`)
})

test('rewriteRepositoryPath: any name, in any form, is one segment that is decoded to it', () => {
  const part = fc.stringMatching(/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/).filter((text) => text !== 'artifacts')
  const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'))
  const slash = fc.constantFrom('/', '%2F', '%2f', '%252F')
  const tail = fc.constantFrom(
    '',
    '/artifacts',
    `/artifacts/sha256:${HEX}`,
    `/artifacts/sha256%3A${HEX}/vulnerabilities`,
  )
  fc.assert(
    fc.property(name, slash, tail, (repository, as, rest) => {
      const seen = rewriteRepositoryPath(`${R}/${repository.replaceAll('/', as)}${rest}`)
      const [segment = '', ...more] = seen.slice(R.length + 1).split('/')
      assert.equal(decodeURIComponent(segment), repository)
      assert.equal(['', ...more].join('/'), rest)
    }),
  )
})

const others = [
  '/',
  '/registries',
  '/registries/1/tokens/2',
  '/api/v2/registries/1/repositories/a/b',
  '/x/registries/1/repositories/a/b',
  '/registries/1/2/repositories/a/b',
  '/registries?x=/registries/1/repositories/a/b',
  '/registries/1?x=/repositories/a/b',
]
for (const url of others) {
  test(`rewriteRepositoryPath leaves ${url}`, () => assert.equal(rewriteRepositoryPath(url), url))
}
