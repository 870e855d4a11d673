import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSqlite } from '../metadata/sqlite.ts'
import type { Schedule } from './schedules.ts'
import { registerSchedules, runDueSchedules } from './schedules.ts'

async function withClock(fn: (clock: { now: number }, open: () => ReturnType<typeof openSqlite>) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-'))
  const clock = { now: 1_000_000 }
  try {
    await fn(clock, () => openSqlite({ path: join(directory, 'db'), now: () => clock.now }))
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('a schedule runs when due, once among two processes, and again after its interval', () =>
  withClock(async (clock, open) => {
    await using first = await open()
    await using second = await open()
    let runs = 0
    const count = async () => {
      runs += 1
    }
    const schedule: Schedule = { name: 'sweep', everyMs: 1_000, leaseMs: 60_000, run: count }
    const tick = () =>
      Promise.all([first, second].map((metadata) => runDueSchedules({ metadata, onError: assert.fail }, [schedule])))
    await registerSchedules(first, [schedule])
    await tick()
    assert.equal(runs, 1)
    clock.now += 999
    await tick()
    assert.equal(runs, 1)
    clock.now += 1
    await tick()
    assert.equal(runs, 2)
  }))

test('a failing run is told, recorded and tried again', () =>
  withClock(async (clock, open) => {
    await using metadata = await open()
    const told: unknown[] = []
    const schedule: Schedule = {
      name: 'sweep',
      everyMs: 1_000,
      leaseMs: 60_000,
      run: () => Promise.reject(new Error('no disk')),
    }
    await registerSchedules(metadata, [schedule])
    const deps = { metadata, onError: (name: string, error: unknown) => void told.push([name, String(error)]) }
    await runDueSchedules(deps, [schedule])
    clock.now += 1_000
    await runDueSchedules(deps, [schedule])
    assert.deepEqual(told, [
      ['sweep', 'Error: no disk'],
      ['sweep', 'Error: no disk'],
    ])
    const row = await metadata.read((sql) => sql.get<{ last_error: string }>`SELECT last_error FROM schedules`)
    assert.equal(row?.last_error, 'no disk')
  }))

test('a process that died in the middle gives the schedule back when its lease ends', () =>
  withClock(async (clock, open) => {
    await using metadata = await open()
    const never: Schedule = { name: 'sweep', everyMs: 1, leaseMs: 60_000, run: () => new Promise(() => {}) }
    let runs = 0
    const count = async () => {
      runs += 1
    }
    const schedule: Schedule = { ...never, run: count }
    await registerSchedules(metadata, [never])
    void runDueSchedules({ metadata, onError: assert.fail }, [never])
    await new Promise((resolve) => setImmediate(resolve))
    clock.now += 59_999
    await runDueSchedules({ metadata, onError: assert.fail }, [schedule])
    assert.equal(runs, 0)
    clock.now += 1
    await runDueSchedules({ metadata, onError: assert.fail }, [schedule])
    assert.equal(runs, 1)
  }))
