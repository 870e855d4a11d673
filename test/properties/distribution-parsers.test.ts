import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { challenge, realmOf } from '../../src/distribution-api/challenge.ts'
import { parseChunkRange } from '../../src/distribution-api/chunk-range.ts'
import { warningHeaders } from '../../src/distribution-api/headers.ts'
import type { PathKind } from '../../src/distribution-api/path.ts'
import { parsePath } from '../../src/distribution-api/path.ts'
import { createSiteOf } from '../../src/distribution-api/site.ts'
import { isDigest } from '../../src/domain/digest.ts'
import { DomainError } from '../../src/domain/error.ts'
import { parseReference } from '../../src/domain/reference.ts'
import { isRepositoryName, parseRepositoryName } from '../../src/domain/repository-name.ts'
import { parseAccept } from '../../src/http/accept.ts'
import { parseByteRange } from '../../src/http/byte-range.ts'
import { createClientOf } from '../../src/http/client.ts'
import { matchesEntityTag } from '../../src/http/entity-tag.ts'
import { nextLink } from '../../src/http/link-header.ts'
import { queryValue, queryValues, splitTarget } from '../../src/http/query.ts'
import { runs } from '../support/fuzz.ts'

/** Text made of what these grammars are made of, besides any text. */
const tricky = (pieces: readonly string[]) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => parts.join('')),
  )

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
const name = fc
  .array(fc.tuple(word, fc.constantFrom('.', '_', '__', '-', '--', '---', '/')), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([part, joint]) => part + joint).join(''))
  .map((text) => text.replace(/[^a-z0-9]+$/, ''))
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/)
const digest = fc.oneof(
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
  fc.stringMatching(/^[0-9a-f]{128}$/).map((hex) => `sha512:${hex}`),
)
const SUFFIXES: Readonly<Record<string, (last: string) => string>> = {
  manifest: (last) => `manifests/${last}`,
  blob: (last) => `blobs/${last}`,
  upload: (last) => `blobs/uploads/${last}`,
  referrers: (last) => `referrers/${last}`,
}

test('a path that is written is the path that is read, escaped or not', () => {
  const kind = fc.constantFrom<PathKind>('manifest', 'blob', 'upload', 'referrers')
  fc.assert(
    fc.property(kind, name, fc.oneof(tag, digest), fc.boolean(), (kindOf, repository, last, escaped) => {
      fc.pre(!(kindOf === 'blob' && last === 'uploads'))
      const suffix = SUFFIXES[kindOf]?.(escaped ? encodeURIComponent(last) : last)
      assert.deepEqual(parsePath(`/v2/${repository}/${suffix}`), { kind: kindOf, name: repository, last })
    }),
    runs(300),
  )
})

test('names and references by the grammar are taken, and nothing else is', () => {
  fc.assert(
    fc.property(name, fc.oneof(tag, digest), (repository, reference) => {
      assert.ok(isRepositoryName(repository))
      parseReference(reference)
    }),
    runs(200),
  )
  const hostile = tricky(['a', 'Z', '0', '.', '_', '__', '-', '/', ':', 'sha256:', '%', '\u00e9', '..', ' '])
  fc.assert(
    fc.property(hostile, (text) => {
      for (const parse of [parseRepositoryName, parseReference]) {
        try {
          parse(text)
          assert.match(text, /^[A-Za-z0-9_][A-Za-z0-9._:/-]*$/)
        } catch (error) {
          assert.ok(error instanceof DomainError)
          assert.ok(error.message.length < 500)
        }
      }
    }),
    runs(300),
  )
})

test('any path is read, at once, into something', () => {
  const pieces = [
    '/',
    '//',
    'v2',
    '/v2/',
    'blobs',
    'uploads',
    'manifests',
    'tags',
    'list',
    '%',
    '%2F',
    '%zz',
    '..',
    'a',
  ]
  fc.assert(
    fc.property(tricky(pieces), (text) => {
      const path = parsePath(`/v2/${text}`)
      assert.ok(!path.name.includes('%2F') || text.includes('%252F') || text.includes('%25'))
      assert.equal(typeof path.last, 'string')
    }),
    runs(500),
  )
  for (const unit of ['a/', '%2e', 'blobs/', '-', 'a-', '_', '//']) {
    const before = process.cpuUsage()
    parsePath(`/v2/${unit.repeat(2000)}`)
    isRepositoryName(unit.repeat(500))
    assert.ok(process.cpuUsage(before).user < 2_000_000, unit) // backtracking needs ages
  }
})

test('a byte range lies inside of its body, or is none', () => {
  const pieces = ['bytes', '=', '-', ',', ' ', '0', '1', '99', '2048', '99999999999999999999', '+', 'x']
  fc.assert(
    fc.property(tricky(pieces), fc.nat(3000), (header, size) => {
      const range = parseByteRange(header, size)
      if (range === null || range === 'unsatisfiable') return
      assert.ok(range.start >= 0 && range.start < range.end && range.end <= size)
    }),
    runs(500),
  )
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), fc.integer({ min: 1, max: 5000 }), (a, b, size) => {
      const [first, last] = a <= b ? [a, b] : [b, a]
      const want = first >= size ? 'unsatisfiable' : { start: first, end: Math.min(last + 1, size) }
      assert.deepEqual(parseByteRange(`bytes=${first}-${last}`, size), want)
    }),
    runs(300),
  )
})

test('a chunk range is two ordered numbers that agree with the body, or a refusal', () => {
  const pieces = ['bytes', ' ', '=', '-', '/', '*', '0', '7', '99', '9007199254740993', 'e5']
  const length = fc.option(fc.nat(200))
  fc.assert(
    fc.property(tricky(pieces), length, (header, bytes) => {
      try {
        const range = parseChunkRange(header, bytes)
        if (range === null) assert.equal(bytes, 0)
        else assert.ok(range.first <= range.last && (bytes === null || range.last - range.first + 1 === bytes))
      } catch (error) {
        assert.ok(error instanceof DomainError && ['range_invalid', 'size_invalid'].includes(error.kind))
      }
    }),
    runs(500),
  )
})

test('a link leads back to what it was made of', () => {
  const any = fc.string({ unit: 'grapheme', maxLength: 40 })
  fc.assert(
    fc.property(any, any, (last, artifactType) => {
      const link = nextLink('/v2/acme/app/tags/list', { last, artifactType, n: 5 })
      const target = /^<([\x21-\x7e]+)>; rel="next"$/.exec(link)?.[1]
      assert.ok(target !== undefined, link)
      const { query } = splitTarget(target)
      assert.deepEqual([queryValue(query, 'last'), queryValue(query, 'artifactType')], [last, artifactType])
    }),
    runs(300),
  )
})

test('any query, Accept and If-None-Match is read', () => {
  const pieces = ['a', '=', '&', '%', '%3d', '+', '?', 'tag', 'W/', '"', ',', '*', ';', 'q=', '0.5', '/']
  fc.assert(
    fc.property(tricky(pieces), (text) => {
      for (const value of queryValues(text, 'tag')) assert.equal(typeof value, 'string')
      for (const { quality } of parseAccept(text)) assert.ok(quality >= 0 && quality <= 1)
      matchesEntityTag(text, '"sha256:ab"')
    }),
    runs(300),
  )
})

test('whatever a client says, its address is one that trusted proxies wrote', () => {
  const chain = fc.array(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom('10.0.0.7', 'unknown', '', '"', '[', '[::1]:80', '1.2.3.4:5', 'for='),
    ),
    { maxLength: 5 },
  )
  const trusting = createClientOf({ trustedProxies: ['10.0.0.0/8'] })
  const reading = createClientOf({ trustedProxies: ['10.0.0.0/8'], header: 'forwarded' })
  fc.assert(
    fc.property(chain, (entries) => {
      const headers = { 'x-forwarded-for': entries.join(', '), forwarded: entries.map((at) => `for="${at}"`).join(',') }
      const ask = (peer: string) => ({ headers, socket: { remoteAddress: peer } }) as unknown as IncomingMessage
      for (const clientOf of [trusting, reading]) {
        assert.ok(isIP(clientOf(ask('10.0.0.1')).address) !== 0)
        assert.equal(clientOf(ask('192.0.2.1')).address, '192.0.2.1')
        assert.ok(clientOf(ask('10.0.0.1')).proxied)
      }
    }),
    runs(300),
  )
})

test('a challenge is well formed for any host and path', () => {
  const siteOf = createSiteOf({ publicUrl: null, domain: 'example.com', locationLabels: ['cr.de-fra'] })
  const host = tricky(['acme', '.', 'example.com', ':', '443', '"', ',', '[', ']', ' ', 'cr.de-fra', '-', '\r\n'])
  const path = tricky(['/', 'acme', '"', ',', '\\', 'manifests', 'app', 'blobs', '%22', 'é'])
  const FORM = /^Bearer realm="[^"\s\\]+",service="[a-z0-9.-]+"(,scope="[a-z:/0-9._,*-]+")?$/
  fc.assert(
    fc.property(host, path, fc.constantFrom('GET', 'PUT', 'DELETE', 'POST'), (asked, target, method) => {
      const site = siteOf(asked)
      const client = { address: '::1', scheme: 'http', host: asked, proxied: false } as const
      assert.match(challenge(realmOf(null, site, client), site, method, parsePath(`/v2/${target}`), null), FORM)
    }),
    runs(500),
  )
})

test('warnings are headers that node:http takes, within their bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 2000 }), { maxLength: 10 }), (texts) => {
      const headers = warningHeaders(texts)
      for (const header of headers) assert.match(header, /^299 - "(?:[^"\\]|\\["\\])*"$/)
      assert.ok(headers.join('').length <= 4096)
    }),
    runs(100),
  )
})

test('a digest is its algorithm and exactly its digits', () => {
  fc.assert(
    fc.property(tricky(['sha256:', 'sha512:', 'a'.repeat(64), 'f'.repeat(64), 'F', '0', 'md5:']), (text) => {
      assert.equal(isDigest(text), /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text) && !text.endsWith('\n'))
    }),
    runs(300),
  )
})
