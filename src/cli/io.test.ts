import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { createIo } from './io.ts'

function streams() {
  const input = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.ReadStream & PassThrough
  const [output, errors] = [new PassThrough(), new PassThrough()]
  return { input, output, errors, io: createIo({ input, output, errors }) }
}

const cases = [
  { name: 'one line', piped: ['secret\n'], want: ['secret', ''] },
  { name: 'a line without an end', piped: ['secret'], want: ['secret', ''] },
  { name: 'a line from Windows', piped: ['secret\r\nnext'], want: ['secret', 'next', ''] },
  { name: 'lines in pieces', piped: ['se', 'cret\nne', 'xt\n'], want: ['secret', 'next', ''] },
  { name: 'nothing', piped: [], want: [''] },
]
for (const { name, piped, want } of cases) {
  test(`io: asks a pipe for ${name}`, async () => {
    const { input, io, errors } = streams()
    for (const piece of piped) input.write(piece)
    input.end()
    const lines: string[] = []
    for (const _ of want) lines.push(await io.ask('password: ', { hidden: true }))
    assert.deepEqual(lines, want)
    assert.equal(errors.read(), null, 'a pipe is not prompted')
  })
}

test('io: a pipe that stays open is not waited for', async () => {
  const { input, io } = streams()
  input.write('secret\n')
  assert.equal(await io.ask('password: ', { hidden: true }), 'secret')
  assert.equal(input.isPaused(), true)
})

test('io: results and remarks go to different streams', () => {
  const { io, output, errors } = streams()
  io.out('a result')
  io.err('a remark')
  assert.deepEqual([String(output.read()), String(errors.read())], ['a result\n', 'a remark\n'])
})
