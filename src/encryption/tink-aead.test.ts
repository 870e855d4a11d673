import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { IntegrityError } from './integrity-error.ts'
import { dataKeyFromRoot } from './subkeys.ts'
import { manifestAssociatedData, openManifest, sealManifest } from './tink-aead.ts'

const { manifests: key, objects } = dataKeyFromRoot(randomBytes(32))
const row = manifestAssociatedData(7, 'sha256:00')

for (const size of [0, 1, 1000, 4 * 1024 * 1024]) {
  void test(`a manifest of ${size} bytes comes back`, () => {
    const bytes = randomBytes(size)
    const sealed = sealManifest(key, bytes, row)
    assert.equal(sealed.length, size + 28)
    assert.ok(openManifest(key, sealed, row).equals(bytes))
    assert.notDeepEqual(sealManifest(key, bytes, row), sealed)
  })
}

void test('a flipped bit anywhere is an error', () => {
  const sealed = sealManifest(key, Buffer.from('{}'), row)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const damaged = Buffer.from(sealed)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => openManifest(key, damaged, row), IntegrityError)
  }
})

const sealed = sealManifest(key, Buffer.from('{"schemaVersion":2}'), row)
const wrong = [
  { name: 'in another registry', open: () => openManifest(key, sealed, manifestAssociatedData(8, 'sha256:00')) },
  { name: 'under another digest', open: () => openManifest(key, sealed, manifestAssociatedData(7, 'sha256:01')) },
  { name: 'with another key', open: () => openManifest(objects, sealed, row) },
  { name: 'cut short', open: () => openManifest(key, sealed.subarray(0, -1), row) },
  { name: 'shorter than a tag', open: () => openManifest(key, sealed.subarray(0, 27), row) },
  { name: 'of nothing', open: () => openManifest(key, Buffer.alloc(0), row) },
]

for (const { name, open } of wrong) {
  void test(`a manifest ${name} is an error`, () => assert.throws(open, IntegrityError))
}

void test('the subkeys of a root are the ones they have always been', () => {
  const { objects, manifests } = dataKeyFromRoot(Buffer.alloc(32, 1))
  assert.equal(Buffer.from(objects).toString('hex'), '2a012d9706c76aa82edac950d5cb49675cfb947a0bcb392d276e5b9ae5d48870')
  assert.equal(
    Buffer.from(manifests).toString('hex'),
    'ad60e78ca4ee8c4f24256b8947b302049c4ca34bbb9799779f0b807aec7e0fae',
  )
  assert.throws(() => dataKeyFromRoot(Buffer.alloc(31)), TypeError)
})
