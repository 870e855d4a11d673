import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { App } from '../../src/compose.ts'
import { compose } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/load.ts'
import { prepare } from '../../src/first-start.ts'
import { SILENT } from '../../src/http/log.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

test('what is pushed and pulled over the data plane is what the lists tell', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-'))
  try {
    const password = 'correct horse battery staple'
    const config = loadConfig({
      ENTREPOT_DATA: directory,
      ENTREPOT_LISTEN: '127.0.0.1:0',
      ENTREPOT_WORKERS: '1',
      ENTREPOT_ADVISORY_SOURCES: 'none',
      ENTREPOT_ADMIN_EMAIL: 'ann@example.com',
      ENTREPOT_ADMIN_PASSWORD: password,
    })
    await prepare(config)
    await using app = await compose(config, { log: SILENT })
    await app.server.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.server.address() as AddressInfo
    await journey(app, `http://127.0.0.1:${port}`, basic('ann@example.com', password))
  } finally {
    await rm(directory, { recursive: true })
  }
})

async function journey(app: App, url: string, owner: string): Promise<void> {
  const ask = async (method: string, path: string, body?: object) => {
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = { authorization: owner, 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method, headers, ...json })
    const text = await answer.text()
    return { status: answer.status, json: text === '' ? undefined : JSON.parse(text) }
  }
  const made = await ask('POST', '/registries', { properties: { name: 'acme', location: 'de/fra' } })
  await app.rooms.registries.settle()
  const at = `/registries/${made.json.id}`
  const scopes = [{ actions: ['*'], name: '*', type: 'repository' }]
  const token = await ask('POST', `${at}/tokens`, { properties: { name: 'ci', scopes } })
  const ci = dataPlane(url, basic('ci', token.json.properties.credentials.password))

  const image = await ci.pushImage('team/app', 'v1', 'first')
  await ci.pushImage('team/app', 'v2', 'second')
  await ci.pushImage('other', 'v1', 'first')
  for (let i = 0; i < 3; i++) assert.equal((await ci.ask('GET', 'team/app/manifests/v1')).status, 200)
  assert.equal((await ci.ask('HEAD', 'team/app/manifests/v1')).status, 200)
  assert.equal((await ci.ask('GET', 'team/app/manifests/nothing')).status, 404)
  await app.flush()

  const { items } = (await ask('GET', `${at}/repositories?orderBy=-pullCount`)).json
  assert.deepEqual(
    items.map(({ id, metadata }: Listed) => [id, metadata.artifactCount, metadata.pushCount, metadata.pullCount]),
    [
      ['team/app', 2, 2, 3],
      ['other', 1, 1, 0],
    ],
  )
  const [top] = (await ask('GET', `${at}/artifacts?limit=1`)).json.items
  assert.deepEqual([top.id, top.properties.tags, top.metadata.pullCount], [image, ['v1'], 3])
  assert.equal(top.properties.mediaType, MANIFEST)

  // docker pushes as a person, too
  const ann = dataPlane(url, owner)
  const byAnn = await ann.pushImage('team/app', 'v3', 'third')
  const { metadata } = (await ask('GET', `${at}/repositories/team/app/artifacts/${byAnn}`)).json
  assert.match(metadata.createdBy, /^ionos:identity:::users\/[0-9a-f-]{36}$/)
  assert.equal(metadata.createdBy.endsWith(metadata.createdByUserId), true)

  assert.equal((await ci.ask('DELETE', `team/app/manifests/${image}`)).status, 202)
  assert.equal((await ask('GET', `${at}/repositories/team%2Fapp`)).json.metadata.artifactCount, 2)
  assert.equal((await ask('DELETE', `${at}/repositories/team%2Fapp`)).status, 204)
  assert.equal((await ci.ask('GET', 'team/app/manifests/v2')).status, 404)
  assert.equal((await ask('GET', `${at}/artifacts`)).json.items.length, 1)
}

interface Listed {
  readonly id: string
  readonly metadata: { readonly artifactCount: number; readonly pushCount: number; readonly pullCount: number }
}

function dataPlane(url: string, authorization: string) {
  const ask = (method: string, path: string, body?: Uint8Array, type = 'application/octet-stream') =>
    fetch(`${url}/v2/acme/${path}`, {
      method,
      headers: { authorization, 'content-type': type, accept: MANIFEST },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    })
  const pushBlob = async (repository: string, bytes: Buffer) => {
    const answer = await ask('POST', `${repository}/blobs/uploads/?digest=${sha256(bytes)}`, bytes)
    assert.equal(answer.status, 201, await answer.text())
    return { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.length }
  }
  return {
    ask,
    async pushImage(repository: string, tag: string, content: string): Promise<string> {
      const config = await pushBlob(repository, Buffer.from('{}'))
      const layer = await pushBlob(repository, Buffer.from(content))
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }))
      const answer = await ask('PUT', `${repository}/manifests/${tag}`, bytes, MANIFEST)
      assert.equal(answer.status, 201, await answer.text())
      return sha256(bytes)
    },
  }
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}
