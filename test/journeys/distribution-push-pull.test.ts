import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { Registry } from '../../src/registry/registry.ts'
import { basic, CI, distributionUnderTest, listen } from '../support/distribution-server.ts'
import { createMemoryRegistry, sha256, sha512 } from '../support/memory-registry.ts'
import { openTestRegistry } from '../support/registry.ts'

const MIB = 1024 * 1024
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const headers = { authorization: basic(CI) }

/** The same journey on the acts in memory and on the real ones. */
const registries: [name: string, open: () => Promise<{ registry: Registry } & AsyncDisposable>][] = [
  ['in memory', async () => ({ registry: createMemoryRegistry(), async [Symbol.asyncDispose]() {} })],
  ['on a database', () => openTestRegistry()],
]

for (const [name, open] of registries) {
  test(`push and pull an image, registry ${name}`, async () => {
    await using opened = await open()
    const { app } = await distributionUnderTest({ registry: opened.registry })
    const url = await listen(app)
    try {
      await journey(url)
    } finally {
      await app.close()
    }
  })
}

async function journey(url: string): Promise<void> {
  const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}')
  const layers = [randomBytes(3 * MIB), randomBytes(1000), Buffer.alloc(0)]
  for (const blob of [config, ...layers]) {
    assert.equal((await ask(url, 'HEAD', `/v2/acme/team/app/blobs/${sha256(blob)}`)).status, 404)
    await pushBlob(url, blob)
    const head = await ask(url, 'HEAD', `/v2/acme/team/app/blobs/${sha256(blob)}`)
    assert.equal(head.status, 200)
    assert.equal(head.headers.get('content-length'), String(blob.length))
    assert.equal(head.headers.get('docker-content-digest'), sha256(blob))
    const got = await ask(url, 'GET', `/v2/acme/team/app/blobs/${sha256(blob)}`)
    assert.equal(got.status, 200)
    assert.ok(Buffer.from(await got.arrayBuffer()).equals(blob))
  }
  const manifest = imageManifest(config, layers)
  const pushed = await ask(url, 'PUT', '/v2/acme/team/app/manifests/v1', { 'content-type': MANIFEST }, manifest)
  assert.equal(pushed.status, 201, await pushed.clone().text())
  assert.equal(pushed.headers.get('location'), `/v2/acme/team/app/manifests/${sha256(manifest)}`)
  await pullAndCompare(url, manifest)
  const tagged = `/v2/acme/team/app/manifests/${sha512(manifest)}?tag=v2&tag=latest`
  const again = await ask(url, 'PUT', tagged, { 'content-type': MANIFEST }, manifest)
  assert.equal(again.status, 201, await again.clone().text())
  assert.equal(again.headers.get('oci-tag'), 'v2, latest')
  assert.equal(again.headers.get('docker-content-digest'), sha512(manifest))
  const tags = await ask(url, 'GET', '/v2/acme/team/app/tags/list')
  assert.deepEqual(await tags.json(), { name: 'acme/team/app', tags: ['latest', 'v1', 'v2'] })
  const catalog = await ask(url, 'GET', '/v2/_catalog')
  assert.deepEqual(await catalog.json(), { repositories: ['acme/team/app'] })
  await deleteAll(url, manifest, [config, ...layers])
}

async function pullAndCompare(url: string, manifest: Buffer): Promise<void> {
  for (const reference of ['v1', sha256(manifest)]) {
    const got = await ask(url, 'GET', `/v2/acme/team/app/manifests/${reference}`)
    assert.equal(got.status, 200)
    assert.equal(got.headers.get('content-type'), MANIFEST)
    assert.equal(got.headers.get('content-length'), String(manifest.length))
    assert.equal(got.headers.get('docker-content-digest'), sha256(manifest))
    assert.ok(Buffer.from(await got.arrayBuffer()).equals(manifest))
    const etag = got.headers.get('etag') ?? ''
    const same = await ask(url, 'GET', `/v2/acme/team/app/manifests/${reference}`, { 'if-none-match': etag })
    assert.equal(same.status, 304)
    const head = await ask(url, 'HEAD', `/v2/acme/team/app/manifests/${reference}`)
    assert.equal(head.headers.get('content-length'), String(manifest.length))
  }
}

async function deleteAll(url: string, manifest: Buffer, blobs: readonly Buffer[]): Promise<void> {
  const base = '/v2/acme/team/app'
  const refused = await ask(url, 'DELETE', `${base}/blobs/${sha256(blobs[0] ?? Buffer.alloc(0))}`)
  assert.equal(refused.status, 409)
  await refused.text()
  assert.equal((await ask(url, 'DELETE', `${base}/manifests/v1`)).status, 202)
  assert.equal((await ask(url, 'GET', `${base}/manifests/v1`)).status, 404)
  for (const digest of [sha256(manifest), sha512(manifest)]) {
    assert.equal((await ask(url, 'DELETE', `${base}/manifests/${digest}`)).status, 202)
    assert.equal((await ask(url, 'HEAD', `${base}/manifests/${digest}`)).status, 404)
  }
  for (const blob of blobs) {
    assert.equal((await ask(url, 'DELETE', `${base}/blobs/${sha256(blob)}`)).status, 202)
    assert.equal((await ask(url, 'HEAD', `${base}/blobs/${sha256(blob)}`)).status, 404)
  }
}

async function pushBlob(url: string, blob: Buffer): Promise<void> {
  const opened = await ask(url, 'POST', '/v2/acme/team/app/blobs/uploads/')
  assert.equal(opened.status, 202)
  assert.equal(opened.headers.get('range'), '0-0')
  assert.equal(opened.headers.get('oci-chunk-min-length'), '5242880')
  const patched = await ask(url, 'PATCH', opened.headers.get('location') ?? '', {}, blob)
  assert.equal(patched.status, 202, await patched.clone().text())
  assert.equal(patched.headers.get('range'), `0-${Math.max(0, blob.length - 1)}`)
  const closed = await ask(url, 'PUT', `${patched.headers.get('location')}?digest=${sha256(blob)}`)
  assert.equal(closed.status, 201)
  assert.equal(closed.headers.get('location'), `/v2/acme/team/app/blobs/${sha256(blob)}`)
}

function imageManifest(config: Buffer, layers: readonly Buffer[]): Buffer {
  const describe = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: sha256(bytes), size: bytes.length })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: describe('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map((layer) => describe('application/vnd.oci.image.layer.v1.tar', layer)),
    }),
  )
}

function ask(url: string, method: string, path: string, more: Record<string, string> = {}, body?: Uint8Array) {
  return fetch(new URL(path, url), { method, headers: { ...headers, ...more }, ...(body ? { body } : {}) })
}
