import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

// With limits that V8 does not reach by itself: what goes, went because nothing happened.
const FLAGS = ['--external-memory-accounted-in-global-limit', '--initial-old-space-size=400']
const MODULE = new URL('idle-memory.ts', import.meta.url).href
const MIB = 1024 * 1024

/** Leaves garbage, then only waits. Prints whether the garbage went, and ends. */
function program(collects: boolean): string {
  return `
    const { collectWhenIdle } = await import(${JSON.stringify(MODULE)})
    for (let count = 0; count < 40; count += 1) Buffer.alloc(${MIB})
    const held = () => process.memoryUsage().arrayBuffers > 8 * ${MIB}
    if (!held()) throw new Error('nothing was left')
    if (${collects}) collectWhenIdle()
    let looks = 0
    const timer = setInterval(() => {
      looks += 1
      if (held() && looks < (${collects} ? 300 : 15)) return
      clearInterval(timer)
      console.log(held() ? 'held' : 'gone')
    }, 100)`
}

for (const { collects, seen } of [
  { collects: false, seen: 'held' },
  { collects: true, seen: 'gone' },
])
  test(`garbage of a process that ${collects ? 'collects when idle' : 'only waits'} is ${seen}`, () => {
    const args = [...FLAGS, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program(collects)]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(stdout.trim(), seen, stderr)
  })
