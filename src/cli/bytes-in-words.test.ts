import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesInWords, parseBytes } from './bytes-in-words.ts'

const sizes = [
  { bytes: 0, words: '0 B' },
  { bytes: 1023, words: '1023 B' },
  { bytes: 1024, words: '1 KiB' },
  { bytes: 1536, words: '1.5 KiB' },
  { bytes: 50 * 1024 ** 3, words: '50 GiB' },
  { bytes: Number.MAX_SAFE_INTEGER, words: '8 PiB' },
]
for (const { bytes, words } of sizes) test(`bytesInWords: ${bytes}`, () => assert.equal(bytesInWords(bytes), words))

const texts = [
  { text: '0', want: 0 },
  { text: '1048576', want: 1048576 },
  { text: '500MB', want: 500_000_000 },
  { text: '50GiB', want: 50 * 1024 ** 3 },
  { text: '1.5 tib', want: 1.5 * 1024 ** 4 },
  { text: '2k', want: 2000 },
]
for (const { text, want } of texts) test(`parseBytes: ${text}`, () => assert.equal(parseBytes(text), want))

for (const text of ['', 'much', '-1', '1XB', '9999PiB', 'iB', '1.B']) {
  test(`parseBytes refuses "${text}"`, () => assert.throws(() => parseBytes(text), /write a number of bytes/))
}
