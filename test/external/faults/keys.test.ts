import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { startEntrepot } from '../../support/server.ts'
import { removeAtExit } from '../../support/tools.ts'
import { assertWhole, imageOf, RegistryClient } from './registry-client.ts'

/** The start must fail, and say why to whoever has to mend it. */
async function refusesToStart(server: EntrepotUnderTest, ...says: RegExp[]): Promise<void> {
  const refused = await server.start().then(
    () => null,
    (error: unknown) => String(error),
  )
  if (refused === null) throw new Error(`the server started; its log:\n${server.logs()}`)
  assert.match(refused, /the server ended/, 'it neither started nor ended')
  for (const words of says) assert.match(refused, words)
  // What is not running any more can be started again.
  await server.kill().catch(() => {})
}

interface World {
  readonly server: EntrepotUnderTest
  readonly image: ReturnType<typeof imageOf>
  readonly client: RegistryClient
}

async function worldOn(server: EntrepotUnderTest): Promise<World> {
  const client = await RegistryClient.create(server)
  const image = imageOf('app', 'v1', [randomBytes(100_000)])
  await client.push(image)
  return { server, image, client }
}

async function isWholeAgain({ server, image, client }: World): Promise<void> {
  await server.start()
  await client.assertPullable(image)
  await assertWhole(server)
}

test('a lost master key file: refused by name, never made anew; put back, all is there', {
  timeout: 120_000,
}, async () => {
  await using server = await startEntrepot()
  const world = await worldOn(server)
  const path = join(server.dataDir, 'master.key')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await server.stop()
  await rename(path, `${path}.lost`)
  await refusesToStart(server, /master key/i, /master\.key/)
  await assert.rejects(stat(path), { code: 'ENOENT' }, 'a new key was made over existing data')
  await rename(`${path}.lost`, path)
  await isWholeAgain(world)
})

test("another installation's master key file: refused by name", { timeout: 120_000 }, async () => {
  await using other = await startEntrepot({ workers: 1 })
  await using server = await startEntrepot()
  const world = await worldOn(server)
  const path = join(server.dataDir, 'master.key')
  const own = await readFile(path)
  await server.stop()
  await writeFile(path, await readFile(join(other.dataDir, 'master.key')))
  await refusesToStart(server, /master key/i, /not the one of this installation/)
  await writeFile(path, own)
  await isWholeAgain(world)
})

for (const { name, content } of [
  { name: 'an empty master key file', content: Buffer.alloc(0) },
  { name: 'a master key file that was cut off', content: Buffer.from('QUJD') },
]) {
  test(`${name}: refused by name, and left as it is`, { timeout: 120_000 }, async () => {
    await using server = await startEntrepot()
    const world = await worldOn(server)
    const path = join(server.dataDir, 'master.key')
    const own = await readFile(path)
    await server.stop()
    await writeFile(path, content)
    await refusesToStart(server, /master\.key/)
    assert.ok(content.equals(await readFile(path)))
    await writeFile(path, own)
    await isWholeAgain(world)
  })
}

test('a wrong or missing ENTREPOT_MASTER_KEY: refused by name', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-keys-'))
  removeAtExit(folder)
  const dataDir = join(folder, 'data')
  const admin = { email: 'owner@example.com', password: randomBytes(12).toString('hex') }
  const masterKey = randomBytes(32).toString('base64')
  await using server = await startEntrepot({ dataDir, admin, masterKey })
  const world = await worldOn(server)
  await server.stop()

  const startWith = (env: Record<string, string | undefined>) => startEntrepot({ dataDir, admin, env })
  const wrong = randomBytes(32).toString('base64')
  await assert.rejects(startWith({ ENTREPOT_MASTER_KEY: wrong }), /master key[\s\S]*not the one of this installation/)
  await assert.rejects(startWith({ ENTREPOT_MASTER_KEY: 'too short' }), /ENTREPOT_MASTER_KEY/)
  await assert.rejects(startWith({ ENTREPOT_MASTER_KEY: undefined }), /master key/i)
  await assert.rejects(stat(join(dataDir, 'master.key')), { code: 'ENOENT' }, 'a new key was made over existing data')
  assert.ok(!server.logs().includes(masterKey), 'the key is in the log')
  await isWholeAgain(world)
})

test("another installation's objects: refused by name, before anything is removed", { timeout: 120_000 }, async () => {
  await using other = await startEntrepot({ workers: 1 })
  await using server = await startEntrepot()
  const world = await worldOn(server)
  await server.stop()
  const objects = join(server.dataDir, 'objects')
  await rename(objects, `${objects}.own`)
  await cp(join(other.dataDir, 'objects'), objects, { recursive: true })
  await refusesToStart(server, /belongs to installation/)
  await rm(objects, { recursive: true })
  await rename(`${objects}.own`, objects)
  await isWholeAgain(world)
})
