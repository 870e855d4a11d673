import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentRange, parseByteRange, unsatisfiedRange } from './byte-range.ts'

type Want = [start: number, end: number] | 'unsatisfiable' | null

const cases: { name: string; header: string | undefined; size?: number; want: Want }[] = [
  { name: 'no header', header: undefined, want: null },
  { name: 'both ends', header: 'bytes=500-1499', want: [500, 1500] },
  { name: 'to the end', header: 'bytes=500-', want: [500, 2048] },
  { name: 'the last bytes', header: 'bytes=-500', want: [1548, 2048] },
  { name: 'more last bytes than there are', header: 'bytes=-5000', want: [0, 2048] },
  { name: 'an end that is clipped', header: 'bytes=2000-5000', want: [2000, 2048] },
  { name: 'an end beyond any number', header: `bytes=0-${'9'.repeat(40)}`, want: [0, 2048] },
  { name: 'one byte', header: 'bytes=0-0', want: [0, 1] },
  { name: 'the last byte', header: 'bytes=2047-', want: [2047, 2048] },
  { name: 'beyond the end', header: 'bytes=2048-', want: 'unsatisfiable' },
  { name: 'far beyond the end', header: 'bytes=5000-10000', want: 'unsatisfiable' },
  { name: 'backwards', header: 'bytes=500-0', want: 'unsatisfiable' },
  { name: 'the last no bytes', header: 'bytes=-0', want: 'unsatisfiable' },
  { name: 'of nothing', header: 'bytes=0-', size: 0, want: 'unsatisfiable' },
  { name: 'the last of nothing', header: 'bytes=-5', size: 0, want: 'unsatisfiable' },
  { name: 'spaces and capitals', header: 'Bytes= 0 - 9 ', want: [0, 10] },
  { name: 'several ranges: the whole', header: 'bytes=0-1,5-6', want: null },
  { name: 'another unit', header: 'items=0-1', want: null },
  { name: 'no unit', header: '0-1', want: null },
  { name: 'no dash', header: 'bytes=5', want: null },
  { name: 'a dash alone', header: 'bytes=-', want: null },
  { name: 'signs', header: 'bytes=+1-+2', want: null },
  { name: 'hexadecimal', header: 'bytes=0x1-0x2', want: null },
  { name: 'two dashes', header: 'bytes=1-2-3', want: null },
]

for (const { name, header, size = 2048, want } of cases) {
  test(`parseByteRange: ${name}`, () => {
    const range = parseByteRange(header, size)
    assert.deepEqual(range, Array.isArray(want) ? { start: want[0], end: want[1] } : want)
  })
}

test('contentRange: inclusive on the wire', () => {
  assert.equal(contentRange({ start: 0, end: 100 }, 2048), 'bytes 0-99/2048')
  assert.equal(unsatisfiedRange(2048), 'bytes */2048')
})
