import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Path } from './path.ts'
import { MAX_PATH, parsePath } from './path.ts'

const digest = `sha256:${'0'.repeat(64)}`
const unknown = (last: string): Path => ({ kind: 'unknown', name: '', last })
const nothing = unknown('nothing is served at this path')

const cases: { name: string; path: string; want: Path }[] = [
  { name: 'ping without a slash', path: '/v2', want: { kind: 'ping', name: '', last: '' } },
  { name: 'ping', path: '/v2/', want: { kind: 'ping', name: '', last: '' } },
  { name: 'catalog', path: '/v2/_catalog', want: { kind: 'catalog', name: '', last: '' } },
  { name: 'catalog of one registry', path: '/v2/acme/_catalog', want: { kind: 'catalog', name: 'acme', last: '' } },
  { name: 'a catalog has one level', path: '/v2/acme/app/_catalog', want: nothing },
  { name: 'manifest by tag', path: '/v2/a/b/manifests/v1', want: { kind: 'manifest', name: 'a/b', last: 'v1' } },
  {
    name: 'manifest by digest',
    path: `/v2/a/b/manifests/${digest}`,
    want: { kind: 'manifest', name: 'a/b', last: digest },
  },
  {
    name: 'an escaped colon in a digest',
    path: `/v2/a/b/blobs/${digest.replace(':', '%3A')}`,
    want: { kind: 'blob', name: 'a/b', last: digest },
  },
  { name: 'blob', path: `/v2/a/b/blobs/${digest}`, want: { kind: 'blob', name: 'a/b', last: digest } },
  { name: 'uploads', path: '/v2/a/b/blobs/uploads/', want: { kind: 'uploads', name: 'a/b', last: '' } },
  { name: 'uploads without a slash', path: '/v2/a/b/blobs/uploads', want: { kind: 'uploads', name: 'a/b', last: '' } },
  { name: 'upload', path: '/v2/a/b/blobs/uploads/1-x_Y', want: { kind: 'upload', name: 'a/b', last: '1-x_Y' } },
  { name: 'tags', path: '/v2/a/b/tags/list', want: { kind: 'tags', name: 'a/b', last: '' } },
  { name: 'referrers', path: `/v2/a/b/referrers/${digest}`, want: { kind: 'referrers', name: 'a/b', last: digest } },
  {
    name: 'a repository called blobs',
    path: '/v2/a/blobs/manifests/v1',
    want: { kind: 'manifest', name: 'a/blobs', last: 'v1' },
  },
  {
    name: 'a repository ending in tags',
    path: '/v2/a/tags/tags/list',
    want: { kind: 'tags', name: 'a/tags', last: '' },
  },
  {
    name: 'a repository ending in blobs/uploads',
    path: '/v2/a/blobs/uploads/manifests/v1',
    want: { kind: 'manifest', name: 'a/blobs/uploads', last: 'v1' },
  },
  {
    name: 'uploads of a repository ending in manifests',
    path: '/v2/a/manifests/blobs/uploads/',
    want: { kind: 'uploads', name: 'a/manifests', last: '' },
  },
  { name: 'a tag called list', path: '/v2/a/b/manifests/list', want: { kind: 'manifest', name: 'a/b', last: 'list' } },
  {
    name: 'a tag called uploads',
    path: '/v2/a/b/manifests/uploads',
    want: { kind: 'manifest', name: 'a/b', last: 'uploads' },
  },
  {
    name: 'no registry in the name',
    path: '/v2/app/manifests/v1',
    want: { kind: 'manifest', name: 'app', last: 'v1' },
  },
  { name: 'no name at all', path: '/v2/manifests/v1', want: { kind: 'manifest', name: '', last: 'v1' } },
  { name: 'uploads without a name', path: '/v2/blobs/uploads/', want: { kind: 'uploads', name: '', last: '' } },
  { name: 'an upload needs blobs before it', path: '/v2/a/b/uploads/x', want: nothing },
  { name: 'a word that only ends in blobs', path: '/v2/a/xblobs/uploads/x', want: nothing },
  { name: 'a tag list is called list', path: '/v2/a/b/tags/all', want: nothing },
  { name: 'a repository alone', path: '/v2/a/b', want: nothing },
  { name: 'one word', path: '/v2/foo', want: nothing },
  {
    name: 'a double slash is part of the name',
    path: '/v2//a/manifests/x',
    want: { kind: 'manifest', name: '/a', last: 'x' },
  },
  { name: 'only slashes', path: '/v2//', want: nothing },
  {
    name: 'dots are not resolved',
    path: '/v2/a/../b/manifests/x',
    want: { kind: 'manifest', name: 'a/../b', last: 'x' },
  },
  {
    name: 'escaped dots are dots',
    path: '/v2/a/%2e%2e/manifests/x',
    want: { kind: 'manifest', name: 'a/..', last: 'x' },
  },
  {
    name: 'an escaped slash would be another path',
    path: '/v2/a%2Fb/manifests/x',
    want: unknown('the path has an escaped slash: write / as it is'),
  },
  {
    name: 'an escape is resolved once',
    path: '/v2/a%252Fb/manifests/x',
    want: { kind: 'manifest', name: 'a%2Fb', last: 'x' },
  },
  { name: 'a broken escape', path: '/v2/a/manifests/%zz', want: unknown('the path has a broken percent escape') },
  { name: 'half a character', path: '/v2/a/manifests/%c3', want: unknown('the path has a broken percent escape') },
  {
    name: 'an endless path',
    path: `/v2/${'a/'.repeat(MAX_PATH)}manifests/x`,
    want: unknown('the path is longer than 4096 characters'),
  },
]

for (const { name, path, want } of cases) {
  test(`parsePath: ${name}`, () => assert.deepEqual(parsePath(path), want))
}
