import { createGzip, gzipSync, zstdCompressSync } from 'node:zlib'
import { elfProgram } from './elf-program.ts'
import { longName, member, pax } from './tar-members.ts'
import { zip } from './zip-members.ts'

/** A layer made to cost more than it is worth, streamed: neither side holds it. */
export interface HostileLayer {
  readonly name: string
  /** `quick`: some seconds at most, in every test run; the others in `.ci/long hostile`. */
  readonly when: 'quick' | 'long'
  readonly bytes: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** What a person reads; null: nothing is wrong with it. */
  readonly why: RegExp | null
  /** How many packages are told nevertheless, or which in any case. */
  readonly packages?: number
}

const MB = 1024 * 1024
const ZEROS = Buffer.alloc(MB)
const END = Buffer.alloc(1024)

/** A member whose content is made as it goes. */
function* file(path: string, size: number, pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield path.length > 100 ? Buffer.concat([longName(path), member({ path: 'x', size })]) : member({ path, size })
  let left = size
  for (const piece of pieces) {
    const part = piece.subarray(0, left)
    yield part
    left -= part.length
    if (left === 0) break
  }
  if (left > 0) throw new Error(`${path}: ${left} bytes are missing`)
  yield Buffer.alloc((512 - (size % 512)) % 512)
}

function* again(piece: Uint8Array, times = Number.POSITIVE_INFINITY): Generator<Uint8Array> {
  for (let time = 0; time < times; time += 1) yield piece
}

/** `times` small members, a megabyte at a time. */
function* many(times: number, make: (index: number) => Buffer): Generator<Uint8Array> {
  let batch: Buffer[] = []
  let size = 0
  for (let index = 0; index < times; index += 1) {
    const one = make(index)
    batch.push(one)
    size += one.length
    if (size < MB) continue
    yield Buffer.concat(batch)
    batch = []
    size = 0
  }
  yield Buffer.concat([...batch, END])
}

/** Fields of a member that is like the one before but for its path. */
function memberMaker(options: Parameters<typeof member>[0]): (path: string) => Buffer {
  const template = member({ ...options, path: '' })
  const sum = Number.parseInt(template.toString('latin1', 148, 154), 8)
  return (path) => {
    const bytes = Buffer.from(template)
    const name = Buffer.from(path, 'latin1')
    name.copy(bytes, 0)
    let total = sum
    for (const byte of name) total += byte
    bytes.write(`${total.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    return bytes
  }
}

async function* gzipped(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* packed(createGzip({ level: 1 }), pieces)
}

async function* packed(packer: ReturnType<typeof createGzip>, pieces: Iterable<Uint8Array>) {
  const writing = (async () => {
    for (const piece of pieces) if (!packer.write(piece)) await new Promise((resolve) => packer.once('drain', resolve))
    packer.end()
  })()
  for await (const chunk of packer) yield chunk as Uint8Array
  await writing
}

/** A gzip or zstd of so many gigabytes of zeros behind the header of a file, made of the same piece again and again. */
function* bomb(gigabytes: number, pack: (bytes: Uint8Array) => Buffer): Generator<Uint8Array> {
  const size = gigabytes * 1024 * MB
  yield pack(member({ path: 'usr/bin/zeros', size }).subarray(0, 512))
  const piece = pack(Buffer.alloc(64 * MB))
  yield* again(piece, size / (64 * MB))
  yield pack(END)
}

const whole = (...members: readonly Buffer[]): Uint8Array[] => [...members, END]
const OS = member({ path: 'etc/os-release', content: 'ID=debian\nVERSION_ID="12"\n' })

const pom = (name: string) => ({
  name: `META-INF/maven/g/${name}/pom.properties`,
  content: `groupId=g\nartifactId=${name}\nversion=1\n`,
})

/** Entries that are all the same bytes ("better zip bomb"): the directory names one local entry again and again. */
function overlapping(entries: number, megabytes: number, isStored: boolean): Buffer {
  const content = zip([{ name: 'filler', content: Buffer.alloc(megabytes * MB), isStored: true }, pom('inner')])
  const first = zip([{ name: 'a.jar', content, isStored }])
  const directory = first.readUInt32LE(first.length - 22 + 16)
  const central = first.subarray(directory, first.length - 22)
  const end = Buffer.from(first.subarray(first.length - 22))
  end.writeUInt16LE(entries & 0xffff, 8)
  end.writeUInt16LE(entries & 0xffff, 10)
  end.writeUInt32LE(entries * central.length, 12)
  return Buffer.concat([first.subarray(0, directory), ...Array.from({ length: entries }, () => central), end])
}

function nestedJar(depth: number): Buffer {
  let jar = zip([pom('deepest')])
  for (let level = 0; level < depth; level += 1)
    jar = zip([{ name: 'n.jar', content: jar, isStored: level % 2 === 0 }, pom(`l${level}`)])
  return jar
}

function* repeatedText(line: (index: number) => string, bytes: number): Generator<Buffer> {
  let [index, size] = [0, 0]
  while (size < bytes) {
    let text = ''
    while (text.length < 256 * 1024) text += line(index++)
    yield Buffer.from(text)
    size += text.length
  }
}

/** An ELF of `count` sections or segments, and a Go program in it. */
function manyHeaders(count: number): Buffer {
  const bytes = Buffer.concat([elfProgram([]), Buffer.alloc(64 * 65_535)])
  bytes.writeUInt16LE(count, 60)
  bytes.writeUInt16LE(count, 56)
  bytes.writeBigUInt64LE(20_480n, 40)
  bytes.writeBigUInt64LE(20_480n, 32)
  for (let at = 20_480; at + 56 < bytes.length; at += 56) bytes.writeUInt32LE(1, at)
  for (let at = 1024; at < 18_000; at += 16) bytes.write('\xff Go buildinf:\x08\x00', at, 'latin1')
  return bytes
}

const status = (index: number): string => `Package: p${index}\nStatus: install ok installed\nVersion: 1.${index}\n\n`
const HIDDEN = memberMaker({ path: '' })

export const HOSTILE_LAYERS: readonly HostileLayer[] = [
  { name: 'gzip: 10 GB of zeros', when: 'long', bytes: () => bomb(10, (bytes) => gzipSync(bytes)), why: null },
  { name: 'gzip: 1 GB of zeros', when: 'quick', bytes: () => bomb(1, (bytes) => gzipSync(bytes)), why: null },
  { name: 'zstd: 10 GB of zeros', when: 'long', bytes: () => bomb(10, (bytes) => zstdCompressSync(bytes)), why: null },
  {
    name: 'gzip: 70 GB of zeros',
    when: 'long',
    bytes: () => bomb(70, (bytes) => gzipSync(bytes)),
    why: /more than 68719476736 bytes uncompressed|more than \d+ ms/,
  },
  {
    name: 'gzip: a million empty members',
    when: 'long',
    bytes: () => again(Buffer.concat(Array.from({ length: 10_000 }, () => gzipSync(''))), 100),
    why: /empty/,
  },
  {
    name: 'zstd: a window of 2 GB',
    when: 'quick',
    bytes: () => [Buffer.from('28b52ffd00a8', 'hex'), Buffer.from('0b0000', 'hex'), Buffer.alloc(1000)],
    why: /needs more memory/,
  },
  {
    name: 'tar: a million entries with long names',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '' })
      return gzipped(many(990_000, (index) => Buffer.concat([longName(`${'n'.repeat(300)}${index}`), make('x')])))
    },
    why: null,
  },
  {
    name: 'tar: three million entries',
    when: 'long',
    bytes: () => gzipped(many(3_000_000, (index) => HIDDEN(`f${index}`))),
    why: /more than 2000000 entries/,
  },
  {
    name: 'tar: 100,000 entries of 8 kB paths',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '', flag: '2', target: 'y' })
      return gzipped(many(100_000, (index) => Buffer.concat([longName(`${index}${'/p'.repeat(3_900)}`), make('x')])))
    },
    why: /longer than|more than \d+ (?:parts|characters|ms)/,
  },
  {
    name: 'tar: a million symbolic links with long targets',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '', flag: '2', target: 'z'.repeat(100) })
      return gzipped(many(1_000_000, (index) => make(`usr/lib/some/where/${index}`)))
    },
    why: /more than \d+ characters/,
  },
  {
    name: 'tar: a million hard links that are wanted',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '', flag: '1', target: 'store/x' })
      return gzipped(many(1_000_000, (index) => make(`node_modules/n${index}/package.json`)))
    },
    why: /more than \d+ characters/,
  },
  {
    name: 'tar: a million whiteouts',
    when: 'long',
    bytes: () => gzipped(many(1_000_000, (index) => HIDDEN(`usr/share/doc/package/.wh.${index}`))),
    why: /more than \d+ characters/,
  },
  {
    name: 'tar: an extended header of a gigabyte',
    when: 'quick',
    bytes: () => whole(OS, member({ path: 'x', flag: 'x', size: 1024 * MB }), Buffer.alloc(MB)),
    why: /extended header .* has 1073741824 bytes/,
  },
  {
    name: 'tar: a million extended headers of nothing',
    when: 'long',
    bytes: () => gzipped(many(1_000_000, () => pax({ comment: 'x' }))),
    why: null,
  },
  {
    name: 'tar: a database that says it has 90 MB and ends',
    when: 'quick',
    bytes: () => whole(OS, member({ path: 'var/lib/rpm/rpmdb.sqlite', size: 90 * MB }), Buffer.alloc(4096)),
    why: /middle of an entry/,
  },
  {
    name: 'tar: sparse files that say they hold a terabyte',
    when: 'quick',
    bytes: () =>
      whole(
        OS,
        pax({
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'var/lib/dpkg/status',
          'GNU.sparse.realsize': '1099511627776',
        }),
        member({ path: 'x', content: '1\n0\n1099511627776\n' }),
      ),
    why: /sparse file, which is not read/,
  },
  {
    name: 'dpkg: a status of 60 MB',
    when: 'quick',
    bytes: () => [...file('var/lib/dpkg/status', 60 * MB, repeatedText(status, 60 * MB)), END],
    why: /at most 33554432 are read/,
  },
  {
    name: 'dpkg: a status of 31 MB with 500,000 packages',
    when: 'quick',
    bytes: () => [...file('var/lib/dpkg/status', 31 * MB, repeatedText(status, 31 * MB)), END],
    why: /more than 100000 packages|middle of a line/,
  },
  {
    name: 'npm: a package.json of 100 MB',
    when: 'quick',
    bytes: () => [...file('node_modules/a/package.json', 100 * MB, again(Buffer.alloc(MB, 0x5b))), END],
    why: /at most 4194304 are read/,
  },
  {
    name: 'npm: 500,000 package.json',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '', content: '{"name":"a","version":"1.0.0"}' })
      return gzipped(many(500_000, (index) => make(`node_modules/n${index}/package.json`)))
    },
    why: /more than \d+ (?:packages|characters)/,
  },
  {
    name: 'npm: 500,000 package.json of nobody',
    when: 'long',
    bytes: () => {
      const make = memberMaker({ path: '', content: '{}' })
      return gzipped(many(500_000, (index) => make(`node_modules/n${index}/package.json`)))
    },
    why: /more than \d+ characters/,
  },
  {
    name: 'npm: a lock file of a million packages',
    when: 'quick',
    bytes: () => {
      const text = repeatedText((index) => `"node_modules/p${index}":{"version":"1"},`, 40 * MB)
      return [...file('package-lock.json', 15 * MB, [Buffer.from('{"packages":{'), ...text]), END]
    },
    why: /more than 600000 values/,
  },
  {
    name: 'npm: a lock file of as many values as are read',
    when: 'quick',
    bytes: () => {
      const keys = Array.from({ length: 149_000 }, (_, index) => `"node_modules/${'k'.repeat(60)}${index}":{"x":1}`)
      const text = Buffer.from(`{"packages":{${keys.join(',')}}}`)
      return [...file('package-lock.json', text.length, [text]), END]
    },
    why: null,
  },
  {
    name: 'yarn: a lock file of a million packages',
    when: 'quick',
    bytes: () => [
      ...file(
        'yarn.lock',
        15 * MB,
        repeatedText((index) => `p${index}@1:\n  version "1"\n`, 16 * MB),
      ),
      END,
    ],
    why: /more than 50000 packages/,
  },
  {
    name: 'cargo: a lock file of a package of two million keys',
    when: 'quick',
    bytes: () => {
      const keys = repeatedText((index) => `k${index} = 1\n`, 16 * MB)
      const head = Buffer.from('[[package]]\n')
      return [...file('Cargo.lock', 15 * MB, [head, ...keys]), END]
    },
    why: null,
  },
  {
    name: 'poetry: a lock file of a million packages',
    when: 'quick',
    bytes: () => {
      const packages = repeatedText((index) => `[[package]]\nname = "p${index}"\nversion = "1"\n`, 16 * MB)
      return [...file('poetry.lock', 15 * MB, packages), END]
    },
    why: /more than 50000 packages/,
  },
  {
    name: 'rpm: a database of 500 MB',
    when: 'quick',
    bytes: () => [member({ path: 'var/lib/rpm/rpmdb.sqlite', size: 500 * MB }), ...again(ZEROS, 500), END],
    why: /at most 100663296 are read/,
  },
  {
    name: 'rpm: an NDB of 95 MB of slots',
    when: 'long',
    bytes: () => {
      const head = Buffer.alloc(MB)
      for (let at = 0; at < MB; at += 16) head.write('Slot', at, 'latin1')
      const first = Buffer.from(head)
      first.write('RpmP', 0, 'latin1')
      first.writeUInt32LE(1, 8)
      first.writeUInt32LE((95 * MB) / 4096, 12)
      return [...file('var/lib/rpm/Packages.db', 95 * MB, [first, ...again(head, 94)]), END]
    },
    why: null,
  },
  {
    name: 'jar: 400 entries that are the same 40 MB, stored',
    when: 'long',
    bytes: () => jar('a.jar', overlapping(400, 40, true)),
    why: null,
  },
  {
    name: 'jar: 400 entries that are the same 39 MB, deflated',
    when: 'long',
    bytes: () => jar('a.jar', overlapping(400, 39, false)),
    why: /more than 1073741824 bytes|too large/,
  },
  {
    name: 'jar: 30 entries that are the same 39 MB, deflated',
    when: 'quick',
    bytes: () => jar('a.jar', overlapping(30, 39, false)),
    why: /more than 1073741824 bytes|too large/,
  },
  { name: 'jar: 100 deep', when: 'quick', bytes: () => jar('a.jar', nestedJar(100)), why: /more than 5 deep/ },
  {
    name: 'jar: 120 MB of signatures',
    when: 'long',
    bytes: () => gzipped([...file('a.jar', 120 * MB, again(Buffer.alloc(MB, 'PK\x03\x04', 'latin1'))), END]),
    why: /no zip archive/,
  },
  {
    name: 'jar: 120 MB of names of jars',
    when: 'long',
    bytes: () => {
      const local = zip([{ name: 'a.jar', content: 'xx', isStored: true }])
      return gzipped([
        ...file('a.jar', 120 * MB, again(Buffer.concat(Array.from({ length: 9_000 }, () => local)))),
        END,
      ])
    },
    why: /no zip archive/,
  },
  {
    name: 'jar: 79 MB of signatures',
    when: 'long',
    bytes: () => gzipped([...file('a.jar', 79 * MB, again(Buffer.alloc(MB, 'PK\x05\x06', 'latin1'))), END]),
    why: /no zip archive|directory/,
  },
  {
    name: 'program: 65,535 sections and segments, a thousand places',
    when: 'quick',
    bytes: () => [member({ path: 'usr/bin/a', content: manyHeaders(65_535) }), END],
    why: /lead out of the file/,
  },
  {
    name: 'program: a million load commands',
    when: 'quick',
    bytes: () => {
      const bytes = Buffer.alloc(20 * MB)
      bytes.writeUInt32LE(0xfeedfacf, 0)
      bytes.writeUInt32LE(1_000_000, 16)
      return [member({ path: 'usr/bin/a', content: bytes }), END]
    },
    why: /lead out of the file/,
  },
  {
    name: 'program: 100 of 80 MB',
    when: 'long',
    bytes: () => {
      const one = [...file('usr/bin/a', 80 * MB, [elfProgram([]), ...again(ZEROS, 80)])]
      return gzipped(
        (function* () {
          for (let index = 0; index < 100; index += 1) yield* one
          yield END
        })(),
      )
    },
    why: null,
  },
  {
    name: 'not a layer at all',
    when: 'quick',
    bytes: () => again(Buffer.alloc(MB, 0xff), 20),
    why: /damaged/,
  },
]

function jar(path: string, content: Buffer): Uint8Array[] {
  return [OS, ...file(path, content.length, [content]), END]
}
