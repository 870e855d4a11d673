import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextLink } from './link-header.ts'

test('nextLink: values are escaped, absent ones left out', () => {
  const link = nextLink('/v2/acme/app/referrers/x', { artifactType: 'a/b+json; "', n: undefined, last: 'sha256:0>' })
  assert.equal(link, '</v2/acme/app/referrers/x?artifactType=a%2Fb%2Bjson%3B%20%22&last=sha256%3A0%3E>; rel="next"')
})

test('nextLink: without parameters', () => assert.equal(nextLink('/x', {}), '</x>; rel="next"'))
