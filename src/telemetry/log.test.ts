import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { createLog } from './log.ts'

function collect(isTTY: boolean) {
  const lines: string[] = []
  const to = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trimEnd().split('\n'))
      done()
    },
  })
  return { lines, to: Object.assign(to, { isTTY }) }
}

test('log: one JSON object per line, with errors and their causes', () => {
  const { lines, to } = collect(false)
  const log = createLog({ format: 'auto', to })
  log.error({ err: new Error('no answer', { cause: new Error('connection refused') }), id: 'x-1' }, 'request failed')
  const line = JSON.parse(lines[0] ?? '')
  assert.deepEqual([line.level, line.msg, line.id, line.err.message], ['error', 'request failed', 'x-1', 'no answer'])
  assert.match(line.err.cause.message, /connection refused/)
  assert.match(line.time, /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('log: a readable line on a terminal, or when asked for', () => {
  for (const [format, isTTY] of [
    ['auto', true],
    ['text', false],
  ] as const) {
    const { lines, to } = collect(isTTY)
    createLog({ format, to }).info({ url: 'http://127.0.0.1:5000' }, 'serving')
    assert.match(lines.join('\n'), /INFO.*serving/)
  }
})

test('log: what slips into the facts and is secret is not written', () => {
  const { lines, to } = collect(false)
  createLog({ format: 'json', to }).info({ password: 'swordfish', user: { token: 'ent_x', name: 'ci' } }, 'made')
  assert.ok(!/swordfish|ent_x/.test(lines.join()))
  assert.match(lines.join(), /"ci"/)
})
