import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import type { RunResult } from '../../support/tools.ts'
import { removeAtExit, run, until } from '../../support/tools.ts'
import type { Image } from './registry-client.ts'
import { assertWhole, digestOf, imageOf, RegistryClient } from './registry-client.ts'

const program = fileURLToPath(new URL('../../../bin/entrepot', import.meta.url))
/** How often a backup and a restore are killed; .ci/long raises it. */
const KILLS = Math.max(4, Math.floor(Number(process.env['KILLS'] ?? 40) / 5))
const WRITERS = 3

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-backup-'))
  removeAtExit(folder)
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function entrepot(data: string, ...args: string[]): Promise<RunResult> {
  return run(process.execPath, [program, ...args, '--data', data], { env: { ENTREPOT_MASTER_KEY: undefined } })
}

async function succeeds(data: string, ...args: string[]): Promise<RunResult> {
  const result = await entrepot(data, ...args)
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
  return result
}

/** Ends it without a word after `afterMs`; true when it had come to its end before. */
async function killAfter(afterMs: number, data: string, ...args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, [program, ...args, '--data', data], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  const [code] = await ended
  clearTimeout(timer)
  return code === 0
}

async function placeWithKey(folder: string, name: string, server: EntrepotUnderTest): Promise<string> {
  const data = join(folder, name)
  await mkdir(data)
  await copyFile(join(server.dataDir, 'master.key'), join(data, 'master.key'))
  return data
}

/** The same registry and login on another server. */
function clientOn(server: EntrepotUnderTest, { registry, authorization }: RegistryClient): RegistryClient {
  const [username = '', password = ''] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
  return new RegistryClient(server, registry, { username, password })
}

async function assertRestored(data: string, client: RegistryClient, images: readonly Image[]): Promise<void> {
  await using server = await startEntrepot({ dataDir: data })
  await assertWhole(server)
  const reader = clientOn(server, client)
  for (const image of images) await reader.assertPullable(image)
}

/** Pushes, deletes and gives up until told to stop; `images` are those that stay. */
class Load {
  readonly images: Image[] = []
  deleted = 0
  cancelled = 0
  readonly #client: RegistryClient
  #isOn = true
  readonly #writers: Promise<void>

  constructor(client: RegistryClient) {
    this.#client = client
    this.#writers = Promise.all(Array.from({ length: WRITERS }, (_, index) => this.#write(index))).then(() => {})
    this.#writers.catch(() => {}) // told by `stop`
  }

  async stop(): Promise<void> {
    this.#isOn = false
    await this.#writers
  }

  async #write(writer: number): Promise<void> {
    const client = this.#client
    for (let count = 0; this.#isOn; count += 1) {
      const layers = Array.from({ length: randomInt(1, 4) }, () => randomBytes(randomInt(400_000)))
      const image = imageOf(`team/w${writer}`, `v${count}`, layers)
      await client.push(image)
      if (count % 3 === 0) {
        const path = client.at(image.repository, `manifests/${digestOf(image.manifest)}`)
        expectStatus(await client.request(path, { method: 'DELETE' }), 202)
        this.deleted += 1
      } else this.images.push(image)
      // Bytes that were stored and are swept at once: what a backup has to hold.
      const location = await client.startUpload(image.repository)
      expectStatus(await client.patch(location, randomBytes(randomInt(1, 200_000))), 202)
      expectStatus(await client.request(location, { method: 'DELETE' }), 204)
      this.cancelled += 1
    }
  }
}

test('backups of a busy server: what was acknowledged before each is in it, whole', { timeout: 300_000 }, async (t) => {
  const folder = await temporaryFolder(t)
  await using server = await startEntrepot({ workers: 2 })
  const client = await RegistryClient.create(server)
  const load = new Load(client)
  const backups: { data: string; images: Image[] }[] = []
  try {
    for (let round = 0; round < 3; round += 1) {
      const pushed = load.images.length
      await until(
        () => load.images.length >= pushed + 10,
        () => `only ${load.images.length} images`,
        60_000,
      )
      const images = [...load.images]
      const copy = round === 1 ? ['--copy'] : []
      await succeeds(server.dataDir, 'backup', join(folder, 'backup'), '--verify', ...copy)
      const data = await placeWithKey(folder, `restored-${round}`, server)
      await succeeds(data, 'restore', join(folder, 'backup'))
      backups.push({ data, images })
    }
  } finally {
    await load.stop()
  }
  for (const { data, images } of backups) await assertRestored(data, client, images)
  for (const image of load.images) await client.assertPullable(image)
  await assertWhole(server)
  assert.ok(load.deleted > 0 && load.cancelled > 0)
  t.diagnostic(`${load.images.length} images, ${load.deleted} deleted, ${load.cancelled} uploads given up`)
})

test(`kill -9, ${KILLS} times each, of a backup and of a restore: each goes on, and is whole in the end`, {
  timeout: 120_000 + KILLS * 20_000,
}, async (t) => {
  const folder = await temporaryFolder(t)
  await using server = await startEntrepot({ workers: 1 })
  const client = await RegistryClient.create(server)
  const images: Image[] = []
  const push = async (count: number): Promise<void> => {
    for (let made = 0; made < count; made += 1) {
      const image = imageOf('app', `v${images.length}`, [randomBytes(1_500_000), randomBytes(1000), randomBytes(50)])
      await client.push(image)
      images.push(image)
    }
  }
  await push(30)
  const timed = async (...args: [string, ...string[]]): Promise<number> => {
    const began = performance.now()
    await succeeds(...args)
    return performance.now() - began
  }
  const backup = join(folder, 'backup')
  const backupMs = await timed(server.dataDir, 'backup', join(folder, 'measured'), '--copy')
  const restoreMs = await timed(
    await placeWithKey(folder, 'measured-data', server),
    'restore',
    join(folder, 'measured'),
  )

  let whole = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const ended = await killAfter(randomInt(Math.ceil(backupMs)), server.dataDir, 'backup', backup, '--copy')
    if (ended) whole += 1
    // Whatever it left, a restore either says that it is none yet or makes a whole one.
    const data = await placeWithKey(folder, `after-kill-${kill}`, server)
    const restored = await entrepot(data, 'restore', backup)
    if (whole === 0 && restored.code !== 0)
      assert.match(restored.stderr, /was interrupted: run entrepot backup again|holds no backup|does not exist/)
    else if (restored.code === 0) assert.equal((await entrepot(data, 'check')).code, 0)
    else assert.fail(restored.stderr)
    await rm(data, { recursive: true })
    await push(1)
  }
  await succeeds(server.dataDir, 'backup', backup, '--copy', '--verify')
  assert.deepEqual(
    (await readdir(backup)).filter((name) => /unfinished|needed|lock/.test(name)),
    [],
  )

  const data = await placeWithKey(folder, 'restored', server)
  for (let kill = 0; kill < KILLS; kill += 1) {
    if (await killAfter(randomInt(Math.ceil(restoreMs)), data, 'restore', backup)) break
  }
  const last = await entrepot(data, 'restore', backup)
  if (last.code !== 0) assert.match(last.stderr, /is not empty/, 'the last kill came after its end')
  await assertRestored(data, client, images)
  t.diagnostic(`a backup takes ${Math.round(backupMs)} ms, a restore ${Math.round(restoreMs)} ms`)
})

test('the database is lost with everything since the last snapshot: the store alone brings the rest back', {
  timeout: 180_000,
}, async (t) => {
  await using server = await startEntrepot({ workers: 2 })
  const client = await RegistryClient.create(server)
  const before = imageOf('app', 'before', [randomBytes(2_000_000)])
  await client.push(before)
  const snapshots = async (): Promise<string[]> => (await readdir(join(server.dataDir, 'meta')).catch(() => [])).sort()
  const path = join(server.dataDir, 'entrepot.db')
  await until(
    async () => (await snapshots()).length > 0,
    () => 'no snapshot after the start',
    30_000,
  )
  const [first] = await snapshots()
  // An hour later, by the database's memory: once it is written, which is after the snapshot is there.
  const forgotten = async (): Promise<boolean> => {
    using database = new DatabaseSync(path, { timeout: 5_000 })
    return database.prepare(`DELETE FROM settings WHERE name = 'metadata_snapshot'`).run().changes > 0
  }
  await until(forgotten, () => 'the snapshot is not remembered', 30_000)
  await until(
    async () => (await snapshots()).at(-1) !== first,
    () => 'no second snapshot',
    30_000,
  )
  const after = imageOf('app', 'after', [randomBytes(1_000_000)])
  await client.push(after)
  await server.kill()
  for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true })

  const wrong = await run(process.execPath, [program, 'restore', '--from-store', '--data', server.dataDir], {
    env: { ENTREPOT_MASTER_KEY: randomBytes(32).toString('base64') },
  })
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /master key from the environment does not open the snapshot/)
  const { stdout } = await succeeds(server.dataDir, 'restore', '--from-store', '--json')
  const report = JSON.parse(stdout)
  assert.ok(report.unknown.count >= 2 && report.unknown.bytes > 1_000_000, stdout)
  await server.start()
  await client.assertPullable(before)
  assert.equal((await client.manifest('app', 'after')).status, 404)
  await client.push(after)
  await client.assertPullable(after)
  await assertWhole(server)
  t.diagnostic(`${report.unknown.count} objects after the snapshot`)
})

test('a server does not start on half a restore, and says what to do', {
  timeout: 120_000,
}, async (t) => {
  const folder = await temporaryFolder(t)
  await using server = await startEntrepot({ workers: 1 })
  const client = await RegistryClient.create(server)
  for (let count = 0; count < 10; count += 1) await client.push(imageOf('app', `v${count}`, [randomBytes(1_000_000)]))
  await succeeds(server.dataDir, 'backup', join(folder, 'backup'), '--copy')
  const data = await placeWithKey(folder, 'half', server)
  // One object of the backup is away while it is restored.
  const objects = join(folder, 'backup', 'objects')
  const [some = ''] = (await readdir(objects, { recursive: true })).filter((name) => /^..\/.{30}$/.test(name))
  await copyFile(join(objects, some), join(folder, 'aside'))
  await rm(join(objects, some))
  assert.equal((await entrepot(data, 'restore', join(folder, 'backup'))).code, 1)
  const serve = await run(process.execPath, [program, 'serve', '--data', data], {
    env: { ENTREPOT_LISTEN: '127.0.0.1:0', ENTREPOT_MASTER_KEY: undefined },
    timeout: 30_000,
  })
  assert.equal(serve.code, 1, serve.stderr)
  assert.match(serve.stderr, /a restore .* was interrupted here: run the same entrepot restore again/)
  await copyFile(join(folder, 'aside'), join(objects, some))
  await succeeds(data, 'restore', join(folder, 'backup'))
  await assertRestored(data, client, [])
})
