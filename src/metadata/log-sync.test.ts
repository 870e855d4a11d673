import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { SyncedFile } from './log-sync.ts'
import { LogSync } from './log-sync.ts'

/** A disk whose fsyncs end when told to. */
class SlowDisk implements SyncedFile {
  readonly syncs: PromiseWithResolvers<void>[] = []
  isClosed = false

  datasync(): Promise<void> {
    const sync = Promise.withResolvers<void>()
    this.syncs.push(sync)
    return sync.promise
  }

  async close(): Promise<void> {
    assert.ok(this.syncs.length > 0)
    this.isClosed = true
  }
}

function logOn(disk: SlowDisk): LogSync {
  return new LogSync('log', async () => disk)
}

test('commits that come during an fsync share the next one', async () => {
  const disk = new SlowDisk()
  const log = logOn(disk)
  const done: string[] = []
  const sync = (name: string): Promise<unknown> => log.sync().then(() => done.push(name))
  const all = [sync('first')]
  await turn()
  all.push(sync('second'), sync('third'))
  await turn()
  assert.equal(disk.syncs.length, 1)
  disk.syncs[0]?.resolve()
  await turn()
  assert.deepEqual([done, disk.syncs.length], [['first'], 2])
  disk.syncs[1]?.resolve()
  await Promise.all(all)
  assert.deepEqual([done, disk.syncs.length], [['first', 'second', 'third'], 2])
})

test('one that comes at any moment is covered by an fsync that began after it', async () => {
  for (let ticks = 0; ticks < 12; ticks += 1) {
    const disk = new SlowDisk()
    const log = logOn(disk)
    const all = [log.sync()]
    await turn()
    all.push(log.sync())
    disk.syncs[0]?.resolve()
    for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
    const begun = disk.syncs.length
    let isDone = false
    all.push(
      log.sync().then(() => {
        isDone = true
      }),
    )
    await turn()
    for (const sync of disk.syncs.slice(0, begun)) sync.resolve()
    await turn()
    assert.equal(isDone, false)
    for (let round = 0; round < 4; round += 1) {
      await turn()
      for (const sync of disk.syncs) sync.resolve()
    }
    await Promise.all(all)
    assert.ok(disk.syncs.length <= 3)
  }
})

test('closing waits for what was asked for', async () => {
  const disk = new SlowDisk()
  const log = logOn(disk)
  const asked = [log.sync(), log.sync()]
  const closing = log.close()
  await turn()
  disk.syncs[0]?.resolve()
  await turn()
  assert.equal(disk.isClosed, false)
  disk.syncs[1]?.resolve()
  await Promise.all([...asked, closing])
  assert.ok(disk.isClosed)
})

test('after a failed fsync none succeeds: the log before it is broken', async () => {
  const disk = new SlowDisk()
  const log = logOn(disk)
  const first = log.sync()
  const second = log.sync()
  await turn()
  disk.syncs[0]?.reject(new Error('EIO'))
  await assert.rejects(first, /EIO/)
  await assert.rejects(second, /EIO/)
  await assert.rejects(log.sync(), /EIO/)
  assert.equal(disk.syncs.length, 1)
  await log.close()
})
