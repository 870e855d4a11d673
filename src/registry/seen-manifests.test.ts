import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitting, bodyOf, openTestRegistry, place, pusher, reader, sha256 } from '../../test/support/registry.ts'
import type { TagName } from '../domain/reference.ts'
import type { Caller, Registry } from './registry.ts'

const where = place('app')
const v1 = { kind: 'tag', tag: 'v1' as TagName } as const

async function push(registry: Registry, text: string): Promise<string> {
  const config = Buffer.from(text)
  const { id } = await registry.startUpload(where, pusher, 'sha256')
  await registry.finishUpload(where, pusher, id, sha256(config), bodyOf(config))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const descriptor = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: sha256(config),
    size: config.length,
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: descriptor, layers: [] }))
  return (await registry.pushManifest(where, pusher, v1, [], { mediaType, bytes })).digest
}

/** Statements that look for a manifest, counted. */
function counted(opened: Awaited<ReturnType<typeof openTestRegistry>>) {
  const { metadata } = opened
  const read = metadata.read.bind(metadata)
  let looks = 0
  metadata.read = (fn) =>
    read((sql) => {
      const get: typeof sql.get = (text, ...values) => {
        if (text.join('').includes('JOIN manifests m')) looks += 1
        return sql.get(text, ...values)
      }
      return fn({ dialect: sql.dialect, now: () => sql.now(), all: sql.all.bind(sql), get })
    })
  return () => looks
}

test('a manifest is looked for once, until anybody commits anything', async () => {
  await using opened = await openTestRegistry()
  await using sibling = await opened.sibling()
  const looks = counted(opened)
  const here = admitting(opened)
  const first = await push(admitting(sibling), 'one')
  for (const _ of [1, 2, 3]) assert.equal((await here.pullManifest(where, reader, v1, true)).digest, first)
  assert.equal(looks(), 1)
  const second = await push(admitting(sibling), 'two')
  assert.equal(
    (await here.pullManifest(where, reader, v1, true)).digest,
    second,
    'the move of the tag by another process',
  )
  await here.deleteManifest(where, pusher, v1)
  assert.equal(await here.statManifest(where, reader, v1), null, 'what this process deleted itself')
})

test('whoever was not admitted just now is answered from the database', async () => {
  await using opened = await openTestRegistry()
  await using sibling = await opened.sibling()
  const looks = counted(opened)
  const worker: Caller = { name: 'scan', key: 'job:1', mayPush: false, mayPull: () => true }
  await push(admitting(opened), 'one')
  await admitting(opened).statManifest(where, reader, v1)
  const before = looks()
  await admitting(sibling).deleteManifest(where, pusher, v1)
  assert.equal(await opened.registry.statManifest(where, worker, v1), null)
  assert.equal(looks(), before + 1)
})
