import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newObjectId } from '../../../src/blobs/object-id.ts'
import { dataKeyFromRoot } from '../../../src/encryption/subkeys.ts'
import { manifestAssociatedData, openManifest, sealManifest } from '../../../src/encryption/tink-aead.ts'
import { manifestKeyset, streamingKeyset } from '../../../src/encryption/tink-keyset.ts'
import {
  openRange,
  SEGMENT_BYTES,
  StreamOpener,
  StreamSealer,
  sealedSize,
  segmentsOf,
} from '../../../src/encryption/tink-stream.ts'
import { must, python } from '../../support/tools.ts'

const FIRST = 1_048_520
const LATER = 1_048_560
const SIZES = {
  objects: [
    0,
    1,
    15,
    16,
    17,
    65_536,
    FIRST - 1,
    FIRST,
    FIRST + 1,
    1024 * 1024,
    FIRST + LATER - 1,
    FIRST + LATER,
    FIRST + LATER + 1,
    FIRST + 2 * LATER,
    5_000_000,
    10 * 1024 * 1024,
    64 * 1024 * 1024,
  ],
  manifests: [0, 1, 500, 4 * 1024 * 1024],
}

interface Case {
  readonly kind: 'objects' | 'manifests'
  readonly name: string
  readonly associatedData: string
  readonly plain: Buffer
}

interface Answer {
  readonly name: string
  readonly opens: boolean
  readonly opensDamaged: boolean
  readonly opensElsewhere: boolean
}

const interpreter = python()

void test('Tink for Python and we read each other, with the keysets that keys export prints', {
  skip: interpreter === null && 'no Python with tink (see .ci/tools.sh)',
}, async (t) => {
  const keys = dataKeyFromRoot(randomBytes(32))
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-tink-'))
  t.after(() => rm(folder, { recursive: true }))
  const cases = [...casesOf('objects'), ...casesOf('manifests')]
  await writeFile(join(folder, 'objects.json'), JSON.stringify(streamingKeyset(7, keys.objects)))
  await writeFile(join(folder, 'manifests.json'), JSON.stringify(manifestKeyset(4_294_967_295, keys.manifests)))
  await writeFile(join(folder, 'cases.json'), JSON.stringify(cases.map(({ plain: _, ...rest }) => rest)))
  for (const one of cases) {
    await writeFile(join(folder, `${one.name}.plain`), one.plain)
    await writeFile(join(folder, `${one.name}.sealed`), seal(keys, one))
  }

  const script = fileURLToPath(new URL('other-side.py', import.meta.url))
  const output = await must(interpreter ?? '', [script, folder])
  const answers = output
    .trim()
    .split('\n')
    .map((line): Answer => JSON.parse(line))

  assert.equal(answers.length, cases.length)
  for (const [index, one] of cases.entries()) {
    const wanted = { name: one.name, opens: true, opensDamaged: false, opensElsewhere: false }
    await t.test(`Tink opens ours: ${one.name}`, () => assert.deepEqual(answers[index], wanted))
    await t.test(`we open Tink's: ${one.name}`, async () => {
      await opens(keys, one, await readFile(join(folder, `${one.name}.tink`)))
    })
  }
})

function casesOf(kind: Case['kind']): Case[] {
  return SIZES[kind].map((size) => {
    const associatedData = kind === 'objects' ? newObjectId() : manifestAssociatedData(12, `sha256:${'0'.repeat(64)}`)
    return { kind, name: `${kind}-of-${size}-bytes`, associatedData, plain: randomBytes(size) }
  })
}

function seal(keys: ReturnType<typeof dataKeyFromRoot>, { kind, plain, associatedData }: Case): Buffer {
  if (kind === 'manifests') return sealManifest(keys.manifests, plain, associatedData)
  const sealer = new StreamSealer(keys.objects, associatedData)
  const sealed: Uint8Array[] = []
  for (let at = 0; at < plain.length; at += 65_536) {
    sealer.push(plain.subarray(at, at + 65_536))
    sealed.push(...sealer.drain())
  }
  return Buffer.concat([...sealed, ...sealer.finish()])
}

async function opens(
  keys: ReturnType<typeof dataKeyFromRoot>,
  { kind, plain, associatedData }: Case,
  sealed: Buffer,
): Promise<void> {
  if (kind === 'manifests') {
    assert.ok(openManifest(keys.manifests, sealed, associatedData).equals(plain))
    return
  }
  assert.equal(sealed.length, sealedSize(plain.length))
  const opener = StreamOpener.fromHeader(keys.objects, associatedData, sealed, plain.length)
  const ranges = Array.from({ length: 20 }, () => {
    const ends = [Math.random(), Math.random()].map((share) => Math.floor(share * (plain.length + 1)))
    return { start: Math.min(...ends), end: Math.max(...ends) }
  })
  for (const { start, end } of [{ start: 0, end: plain.length }, ...ranges]) {
    const { sealedStart, sealedEnd } = segmentsOf(start, end, plain.length)
    const pieces = await Array.fromAsync(openRange(opener, segments(sealed, sealedStart, sealedEnd), start, end))
    assert.ok(Buffer.concat(pieces).equals(plain.subarray(start, end)), `${start}-${end}`)
  }
}

async function* segments(sealed: Buffer, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += SEGMENT_BYTES) yield sealed.subarray(at, Math.min(end, at + SEGMENT_BYTES))
}
