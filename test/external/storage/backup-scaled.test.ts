import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { encodeRow } from '../../../src/backup/snapshot-format.ts'
import { openLocal } from '../../../src/compose.ts'
import type { Config } from '../../../src/config/config.ts'
import { restoreLocal } from '../../../src/local-restore.ts'
import { dumpedTables, rowsAfter } from '../../../src/metadata/tables/dump.ts'
import { openStores } from '../../../src/open-stores.ts'
import type { PushedImage } from '../../support/installation.ts'
import { configOf, openInstallation, temporaryFolder } from '../../support/installation.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'
import type { TestS3 } from '../../support/s3.ts'
import { skipWithoutS3, startS3 } from '../../support/s3.ts'

// One form of the metadata for both engines: an installation moves from one to the other by its backup, and back.

suite('backups on PostgreSQL and S3', { skip: skipWithoutPostgres() || skipWithoutS3(), timeout: 180_000 }, () => {
  let server: TestS3
  before(async () => {
    server = await startS3()
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await stopPostgres()
  })

  /** An empty database and an empty bucket, or the `bucket` of another configuration. */
  async function scaled(data: string, masterKey: string, bucket?: Config) {
    const database = await (await startPostgres()).createDatabase()
    const s3 = bucket?.s3 ?? (await server.createBucket())
    const { secretAccessKey } = await server.createBucket()
    const config = configOf(data, {
      ENTREPOT_DATABASE_URL: database.url,
      ENTREPOT_MASTER_KEY: masterKey,
      ENTREPOT_S3_BUCKET: s3.bucket,
      ENTREPOT_S3_ENDPOINT: s3.endpoint ?? '',
      ENTREPOT_S3_REGION: s3.region,
      ENTREPOT_S3_ACCESS_KEY_ID: s3.accessKeyId,
      ENTREPOT_S3_SECRET_ACCESS_KEY: secretAccessKey,
      ENTREPOT_S3_FORCE_PATH_STYLE: 'true',
    })
    return { database, config }
  }

  /** All tables but those that a restore settles, as text. */
  async function rowsIn(config: Config): Promise<Record<string, string[]>> {
    await using stores = await openStores(config)
    return await stores.metadata.snapshot(async (sql) => {
      const rows: Record<string, string[]> = {}
      for (const table of await dumpedTables(sql)) {
        if (/^(audit_events|auth_epoch|backup_holds|schedules|sessions|account_links|signing_keys)$/.test(table.name))
          continue
        const all = await rowsAfter(sql, table, null, { limit: 10_000, maxBytes: 10_000_000 })
        rows[table.name] = all.map((row) => encodeRow(table.columns.map((column) => row[column] ?? null)))
      }
      assert.ok(Object.values(rows).flat().length > 50)
      return rows
    })
  }

  async function assertWhole(config: Config, images: readonly PushedImage[]): Promise<void> {
    {
      await using local = await openLocal(config)
      assert.deepEqual((await local.check({ repair: false, fast: false })).problems, [])
    }
    await using app = await openInstallation(config)
    for (const image of images) await app.pullImage(image)
  }

  test('from SQLite and files to PostgreSQL and S3, and back, each by a backup', async (t) => {
    const folder = await temporaryFolder(t)
    const embedded = configOf(join(folder, 'data'))
    const images: PushedImage[] = []
    {
      await using app = await openInstallation(embedded)
      images.push(await app.pushImage('one'), await app.pushImage('two', 3_000_000))
      await app.rooms.backup.backUp({ folder: join(folder, 'first'), mayLink: true, readAgain: true })
    }
    const key = (await readFile(join(folder, 'data', 'master.key'), 'utf8')).trimEnd().split('\n').at(-1) ?? ''
    const { database, config } = await scaled(join(folder, 'node'), key)
    await using _database = database
    const there = await restoreLocal(config, { from: 'backup', path: join(folder, 'first') })
    assert.equal(there.objects.count, 6)
    assert.deepEqual(await rowsIn(config), await rowsIn(embedded), 'every row of every table')
    await assertWhole(config, images)
    const again = restoreLocal(config, { from: 'backup', path: join(folder, 'first') })
    await assert.rejects(again, { kind: 'conflict', message: /the database is not empty/ })
    {
      await using app = await openInstallation(config)
      images.push(await app.pushImage('three'))
      const { added } = await app.rooms.backup.backUp({ folder: join(folder, 'first'), mayLink: true, readAgain: true })
      assert.deepEqual([added.count, added.linked], [3, 0], 'objects are the same wherever they lie')
    }
    await mkdir(join(folder, 'back'))
    await copyFile(join(folder, 'data', 'master.key'), join(folder, 'back', 'master.key'))
    const back = configOf(join(folder, 'back'))
    await restoreLocal(back, { from: 'backup', path: join(folder, 'first') })
    await assertWhole(back, images)
  })

  test('a lost PostgreSQL is brought back from the bucket alone', async (t) => {
    const folder = await temporaryFolder(t)
    const key = Buffer.alloc(32, 7).toString('base64')
    const lost = await scaled(join(folder, 'node'), key)
    await using _lost = lost.database
    const images: PushedImage[] = []
    {
      await using app = await openInstallation(lost.config)
      images.push(await app.pushImage('one'))
      assert.ok(await app.rooms.backup.keepSnapshots())
      await app.pushImage('after')
    }
    const { database, config } = await scaled(join(folder, 'new-node'), key, lost.config)
    await using _database = database
    const report = await restoreLocal(config, { from: 'store', snapshot: null })
    assert.deepEqual([report.objects.count, report.unknown.count, report.missing], [3, 3, 0])
    await assertWhole(config, images)
  })
})
