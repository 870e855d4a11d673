import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import { parseChunkRange } from './chunk-range.ts'

const cases: {
  name: string
  header: string | undefined
  length: number | null
  want: [number, number] | null | string
}[] = [
  { name: 'as the specification writes it', header: '0-99', length: 100, want: [0, 99] },
  { name: 'with a unit and a total', header: 'bytes 0-99/200', length: 100, want: [0, 99] },
  { name: 'with an unknown total', header: 'bytes 100-199/*', length: 100, want: [100, 199] },
  { name: 'with an equals sign', header: 'bytes=100-199', length: 100, want: [100, 199] },
  { name: 'of a chunked body', header: '5-9', length: null, want: [5, 9] },
  { name: 'one byte', header: '0-0', length: 1, want: [0, 0] },
  { name: 'no header', header: undefined, length: 100, want: null },
  { name: 'no bytes: nothing to place', header: '0-0', length: 0, want: null },
  { name: 'nothing readable', header: 'all of it', length: 3, want: 'range_invalid' },
  { name: 'empty', header: '', length: 3, want: 'range_invalid' },
  { name: 'no last byte', header: '5-', length: 3, want: 'range_invalid' },
  { name: 'a negative first byte', header: '-5-9', length: 3, want: 'range_invalid' },
  { name: 'backwards', header: '9-5', length: 3, want: 'range_invalid' },
  { name: 'another unit', header: 'items 0-2', length: 3, want: 'range_invalid' },
  { name: 'more than the body', header: '0-99', length: 50, want: 'size_invalid' },
  { name: 'less than the body', header: '0-9', length: 50, want: 'size_invalid' },
]

for (const { name, header, length, want } of cases) {
  test(`parseChunkRange: ${name}`, () => {
    if (typeof want === 'string') {
      assert.throws(
        () => parseChunkRange(header, length),
        (error) => error instanceof DomainError && error.kind === want,
      )
      return
    }
    const range = parseChunkRange(header, length)
    assert.deepEqual(range, want === null ? null : { first: want[0], last: want[1] })
  })
}
