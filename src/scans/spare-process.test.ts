import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChildCode } from './child-code.ts'
import { headOf, startReading } from './reading-process.ts'
import { SpareProcess } from './spare-process.ts'

const entry = 'file:///program.mjs'
const codeOf = (text: string): ChildCode => ({ entry, modules: [[entry, `export function main(aliases) { ${text} }`]] })
const code = codeOf('process.stdout.write(JSON.stringify(aliases))')

function spareOf() {
  const started: ReturnType<typeof startReading>[] = []
  const start = async () => {
    const process = startReading(code, 60)
    started.push(process)
    return { code, process }
  }
  return { spare: new SpareProcess(start), started }
}

test('SpareProcess: one waits, is taken once, by whom it suits, and does what it is told then', async () => {
  const { spare, started } = spareOf()
  using _ = spare
  assert.equal(spare.take(code), null)
  await Promise.all([spare.prepare(), spare.prepare()])
  await spare.prepare()
  assert.equal(spare.take(codeOf('')), null, 'another program')
  const taken = spare.take(code)
  assert.ok(taken)
  assert.equal(spare.take(code), null)
  assert.equal(started.length, 1)
  taken.stdin.end(headOf([['a', ['b']]]))
  assert.equal(Buffer.concat(await Array.fromAsync(taken.stdout)).toString(), '[["a",["b"]]]')
  assert.equal(await taken.ended, null)
})

test('SpareProcess: what waits ends with whoever started it, and nothing is started afterwards', async () => {
  const { spare, started } = spareOf()
  await spare.prepare()
  spare[Symbol.dispose]()
  assert.equal(await started[0]?.ended, 'signal SIGKILL')
  await spare.prepare()
  assert.equal(started.length, 1)
})

test('SpareProcess: one that died waiting is not taken, and another may be prepared', async () => {
  const { spare, started } = spareOf()
  using _ = spare
  await spare.prepare()
  started[0]?.kill()
  await started[0]?.ended
  assert.equal(spare.take(code), null)
  await spare.prepare()
  assert.ok(spare.take(code))
  started[1]?.kill()
})

test('a process that waits for a layer ends when nobody is there to send one', async () => {
  const reading = startReading(code, 60)
  reading.stdin.end()
  assert.equal(await reading.ended, null)
})
