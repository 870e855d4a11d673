import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { OsDatabase } from '../../../src/scanner/analyzers/os-database.ts'
import { rpm } from '../../../src/scanner/analyzers/rpm.ts'
import { addRpm } from '../../../src/scanner/analyzers/rpm-header.ts'
import { berkeleyDatabase, headerOf, ndbDatabase, rpmHeader, sqliteDatabase } from '../../support/rpm-databases.ts'
import { analyzerTarget, checkResult, shortAnswer } from '../promises.ts'
import type { Target } from '../target.ts'

const HEADERS = Array.from({ length: 4 }, (_, index) =>
  rpmHeader({
    name: `package-${index}`,
    version: '1.0',
    release: '1.el9',
    epoch: index,
    sourceRpm: 'source-1.0-1.el9.src.rpm',
    files: Array.from({ length: index * 12 }, (_, file) => `/usr/lib/node_modules/m${file}/package.json`),
  }),
)
const FULL = rpmHeader({
  name: 'nodejs',
  version: '16.1',
  release: '1.module_el8',
  epoch: 1,
  architecture: 'x86_64',
  sourceRpm: 'nodejs-16.1-1.module_el8.src.rpm',
  module: 'nodejs:16:8060020220523160029:ad008a3a',
  files: ['/usr/lib/', '/usr/lib/node_modules/a/package.json', '/usr/bin/node'],
})
const MANIFEST =
  'bash\t5.1.8-1.cm2\t1\t2\tMicrosoft\t(none)\t9\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\nlibcap\t2.60-1\t1\t2\tV\t2\t9\tnoarch\t0\t(none)\n'

/** Every header says what it must be, so that fewer packages than went in are never without a reason. */
function database(name: string, bytes: Buffer, mend?: (bytes: Buffer) => void): Target {
  return analyzerTarget({
    name,
    analyzer: rpm,
    path: 'var/lib/rpm/Packages',
    seeds: [bytes],
    words: ['Packages', 'table', 'Slot', 'BlbS', 'BlbE', 'SQLite format 3\0', '\x0d', '\x05'],
    leastBytes: 60,
    maxBytes: bytes.length + 8192,
    damageOf: () => 'a database without a package',
    ...(mend ? { mend } : {}),
  })
}

export const RPM_TARGETS: readonly Target[] = [
  database('rpm-sqlite', sqliteDatabase(HEADERS, 512), mendDigests),
  database('rpm-berkeley-le', berkeleyDatabase(HEADERS, 'LE')),
  database('rpm-berkeley-be', berkeleyDatabase(HEADERS, 'BE')),
  database('rpm-ndb', ndbDatabase(HEADERS), mendSums),
  {
    name: 'rpm-header',
    seeds: [
      FULL,
      ...HEADERS,
      headerOf([
        [1000, 6, 'bare'],
        [1001, 6, '1'],
        [1002, 6, '1'],
      ]),
    ],
    words: ['\0', '\0\0\x03\xe8', '\0\0\x04\x5c', '\0\0\0\x08', '\0\0\0\x06', 'a-1-1.src.rpm'],
    mend: mendDigests,
    run: (bytes) => {
      const found = new OsDatabase({ path: 'p', analyzer: 'rpm', type: 'rpm' })
      let refused = ''
      try {
        addRpm(found, bytes)
      } catch (error) {
        refused = said(error)
      }
      checkResult(found.result(), 1)
      return `${refused}${shortAnswer(found.result())}`
    },
  },
  analyzerTarget({
    name: 'rpm-manifest',
    analyzer: rpm,
    path: 'var/lib/rpmmanifest/container-manifest-2',
    seeds: [Buffer.from(MANIFEST)],
    words: ['\t', '\n', '(none)', '.src.rpm', '-', 'gpg-pubkey'],
    leastBytes: 12,
  }),
]

/** As `wholeFile` puts it: an error of our own, in words. */
function said(error: unknown): string {
  assert.ok(error instanceof Error)
  assert.equal(error.constructor, Error, `${error.name}: ${error.message}`)
  return `${error.message.replace(/\d+|\([^)]*\)/g, '#')} `
}

const REGION = Buffer.from('0000003f0000000700', 'hex')

/** Writes the right digest of each header into it, as far as headers lie in one piece. */
function mendDigests(bytes: Buffer): void {
  for (let at = bytes.indexOf(REGION); at >= 8; at = bytes.indexOf(REGION, at + 1)) mendHeader(bytes.subarray(at - 8))
}

function mendHeader(bytes: Buffer): void {
  const entries = bytes.readUInt32BE(0)
  if (entries > 0xff || bytes.length < 8 + entries * 16) return
  const data = 8 + entries * 16
  const region = bytes.readInt32BE(16)
  let digest = -1
  for (let at = 8; at < data; at += 16) if (bytes.readUInt32BE(at) === 273) digest = data + bytes.readInt32BE(at + 8)
  const end = data + region + 16
  if (region < 0 || end > bytes.length || digest < end || digest + 64 > bytes.length) return
  const own = -bytes.readInt32BE(data + region + 8) / 16
  if (!Number.isInteger(own) || own < 1 || own > entries) return
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(own, 0)
  lengths.writeUInt32BE(region + 16, 4)
  const hash = createHash('sha256').update('8eade80100000000', 'hex').update(lengths)
  const sum = hash
    .update(bytes.subarray(8, 8 + own * 16))
    .update(bytes.subarray(data, end))
    .digest('hex')
  bytes.write(sum, digest, 'latin1')
}

/** The digests, and then the sums of NDB over them. */
function mendSums(bytes: Buffer): void {
  mendDigests(bytes)
  for (let at = 32; at + 16 <= Math.min(4096, bytes.length); at += 16) {
    const [start, length] = [bytes.readUInt32LE(at + 8) * 16, bytes.readUInt32LE(at + 12) * 16]
    if (length < 28 || start + length > bytes.length) continue
    const tail = start + length - 12
    let [a, b] = [1, 0]
    for (let place = start; place < tail; place += 1) {
      a = (a + (bytes[place] ?? 0)) % 65_521
      b = (b + a) % 65_521
    }
    bytes.writeUInt32LE(b * 65_536 + a, tail)
  }
}
