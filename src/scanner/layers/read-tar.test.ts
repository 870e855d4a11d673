import assert from 'node:assert/strict'
import { test } from 'node:test'
import { archive, longName, member, pax, seal } from '../../../test/support/tar-members.ts'
import { LAYER_LIMITS } from './limits.ts'
import type { TarEntry } from './read-tar.ts'
import { TarReader } from './read-tar.ts'

const END = Buffer.alloc(1024)

/** Everything that is in it, pushed in pieces of `pieceBytes`. */
function read(bytes: Buffer, limits: Partial<typeof LAYER_LIMITS> = {}, pieceBytes = bytes.length) {
  const found: (Pick<TarEntry, 'path' | 'type' | 'target' | 'size'> & { text: string })[] = []
  const reader = new TarReader({ ...LAYER_LIMITS, ...limits }, ({ path, type, target, size }) => {
    const one = { path, type, target, size, text: '' }
    found.push(one)
    return {
      push(chunk) {
        one.text += Buffer.from(chunk).toString()
        return true
      },
      end() {},
    }
  })
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes))
  reader.end()
  return found
}

const file = (path: string, text: string) => ({ path, type: 'file', target: '', size: text.length, text })
const long = `${'d/'.repeat(150)}file`

const good = [
  { name: 'ustar', bytes: archive({ path: 'a/b', content: 'hello' }), want: [file('a/b', 'hello')] },
  { name: 'a prefix', bytes: archive({ path: 'b', prefix: 'x/y', content: '1' }), want: [file('x/y/b', '1')] },
  {
    name: 'the prefix of GNU headers, which holds times',
    bytes: archive({ path: 'b', prefix: '14000000000', magic: 'ustar  \0' }),
    want: [file('b', '')],
  },
  {
    name: 'a GNU long name and target',
    bytes: Buffer.concat([longName(long), longName('t'.repeat(300), 'K'), member({ path: 'cut', flag: '2' }), END]),
    want: [{ path: long, type: 'symlink', target: 't'.repeat(300), size: 0, text: '' }],
  },
  {
    name: 'pax path, size and target',
    bytes: Buffer.concat([pax({ path: 'ü/name', size: '3' }), member({ path: 'x', content: 'abc', size: 0 }), END]),
    want: [file('ü/name', 'abc')],
  },
  {
    name: 'pax headers for one member only',
    bytes: Buffer.concat([pax({ path: 'one' }), member({ path: 'x' }), member({ path: 'two' }), END]),
    want: [file('one', ''), file('two', '')],
  },
  {
    name: 'a global pax header',
    bytes: Buffer.concat([pax({ comment: 'all' }, 'g'), member({ path: 'a' }), END]),
    want: [file('a', '')],
  },
  {
    name: 'a size of base 256',
    bytes: archive({ path: 'a', content: 'xyz', isBigNumber: true }),
    want: [file('a', 'xyz')],
  },
  { name: 'no end', bytes: member({ path: 'a', content: '1' }), want: [file('a', '1')] },
  {
    name: 'bytes behind the end',
    bytes: Buffer.concat([archive({ path: 'a' }), Buffer.from('rubbish')]),
    want: [file('a', '')],
  },
  {
    name: 'a hard link whose size says something',
    bytes: archive({ path: 'b', flag: '1', target: 'a', size: 99 }),
    want: [{ path: 'b', type: 'hardlink', target: 'a', size: 0, text: '' }],
  },
  {
    name: 'paths that try to leave the root',
    bytes: archive({ path: './a' }, { path: '/abs' }, { path: '../../etc/x' }, { path: 'a//b/./c/../d' }),
    want: [file('a', ''), file('abs', ''), file('etc/x', ''), file('a/b/d', '')],
  },
]

for (const { name, bytes, want } of good) {
  for (const pieceBytes of [bytes.length, 7]) {
    test(`TarReader: ${name}, in pieces of ${pieceBytes}`, () => assert.deepEqual(read(bytes, {}, pieceBytes), want))
  }
}

const damaged = member({ path: 'a' })
damaged[0] = 0x62
const negative = member({ path: 'a' })
negative.fill(0xff, 124, 136)
seal(negative)
const words = member({ path: 'a' })
words.write('many', 124)
seal(words)

const bad = [
  { name: 'a checksum that does not fit', bytes: damaged, why: /checksum/ },
  { name: 'a negative size', bytes: negative, why: /size of an entry is impossible/ },
  { name: 'a size that is no number', bytes: words, why: /size of an entry is no number/ },
  { name: 'the end in a body', bytes: member({ path: 'a', content: 'abc', size: 5000 }), why: /middle of an entry/ },
  { name: 'the end in a header', bytes: member({ path: 'a' }).subarray(0, 100), why: /middle of an entry/ },
  { name: 'nothing', bytes: Buffer.alloc(0), why: /no tar archive/ },
  { name: 'something else', bytes: Buffer.alloc(2048, 'PK'), why: /damaged/ },
  {
    name: 'a pax record longer than its header',
    bytes: Buffer.concat([member({ path: 'x', flag: 'x', content: '99 path=a\n' }), member({ path: 'a' })]),
    why: /extended header/,
  },
  {
    name: 'a pax size that is no number',
    bytes: Buffer.concat([pax({ size: '-1' }), member({ path: 'a' })]),
    why: /extended header/,
  },
  {
    name: 'a pax header of gigabytes',
    bytes: member({ path: 'x', flag: 'x', size: 3 * 1024 ** 3 }),
    why: /3221225472 bytes; at most 1048576/,
  },
  {
    name: 'a long name of gigabytes',
    bytes: member({ path: 'x', flag: 'L', size: 2 ** 40, isBigNumber: true }),
    why: /at most 1048576/,
  },
]

for (const { name, bytes, why } of bad) {
  test(`TarReader refuses ${name}`, () => assert.throws(() => read(bytes), { name: 'LayerError', message: why }))
}

test('TarReader bounds the number of entries and the length of paths', () => {
  const three = archive({ path: 'a' }, { path: 'b' }, { path: 'c' })
  assert.throws(() => read(three, { maxEntries: 2 }), /more than 2 entries/)
  const deep = Buffer.concat([longName(long), member({ path: 'x' }), END])
  assert.throws(() => read(deep, { maxPathBytes: 100 }), /longer than 100 bytes/)
})
