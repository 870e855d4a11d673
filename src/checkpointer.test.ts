import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkpointing, startCheckpointer } from './checkpointer.ts'
import { loadConfig } from './config/load.ts'
import { openSqlite } from './metadata/sqlite.ts'
import type { Log } from './telemetry/log.ts'

test('what fails is told once for each streak, and ends nothing', async () => {
  const told: unknown[] = []
  const outcomes = [true, false, false, false, true, false, false]
  let count = 0
  const checkpointer = checkpointing(
    {
      checkpoint: () => {
        count += 1
        if (outcomes[count - 1] === false) throw new Error(`failed ${count}`)
        return true
      },
      [Symbol.dispose]: () => {
        throw new Error('failed in the end')
      },
    },
    { warn: (what: { err: Error }) => told.push(what.err.message) } as unknown as Log,
    1,
  )
  while (count <= outcomes.length) await sleep(1)
  await checkpointer[Symbol.asyncDispose]()
  assert.deepEqual(told, ['failed 2', 'failed 6', 'failed in the end'])
})

test('beside an open store; the last one out leaves the database alone', async () => {
  const data = await mkdtemp(join(tmpdir(), 'entrepot-checkpointer-'))
  const path = join(data, 'entrepot.db')
  const store = await openSqlite({ path, checkpoint: 'elsewhere' })
  const checkpointer = startCheckpointer(loadConfig({ ENTREPOT_DATA: data }), {} as Log)
  await store.transact((sql) => sql.run`INSERT INTO settings VALUES ('a', 'b')`)
  await store[Symbol.asyncDispose]()
  await checkpointer[Symbol.asyncDispose]()
  await assert.rejects(stat(`${path}-wal`), { code: 'ENOENT' })
  await rm(data, { recursive: true })
})

test('with PostgreSQL there is nothing to do', async () => {
  const env = { ENTREPOT_DATABASE_URL: 'postgres://nowhere.invalid/entrepot', ENTREPOT_MASTER_KEY: 'A'.repeat(44) }
  await startCheckpointer(loadConfig(env), {} as Log)[Symbol.asyncDispose]()
})
