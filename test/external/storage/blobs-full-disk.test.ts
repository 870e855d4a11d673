import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { must, run } from '../../support/tools.ts'

const MIB = 1024 * 1024

/** Runs on a disk of 6 MiB: fills it, gives up the last object, and tries again with a small one. */
const PROGRAM = `
  const { openFsBlobStore } = await import(process.argv[1])
  const { newObjectId } = await import(process.argv[2])
  const store = await openFsBlobStore({ directory: process.argv[3] })
  const write = async (bytes) => {
    const id = newObjectId()
    const writer = await store.create(id)
    try {
      for (let left = bytes; left > 0; left -= 700_000) await writer.write([Buffer.alloc(Math.min(left, 700_000), 7)])
      await writer.close()
      return 'stored'
    } catch (error) {
      await writer.discard()
      return { kind: error.kind, message: error.message, cause: error.cause?.code, size: await store.size(id) }
    }
  }
  const before = await store.space()
  const answers = [await write(3_000_000), await write(20_000_000), await write(1_000_000)]
  const listed = await Array.fromAsync(store.list())
  console.log(JSON.stringify({ before, answers, sizes: listed.map(({ size }) => size).sort((a, b) => a - b) }))
`

const namespace = ['--map-root-user', '--mount']
const mountable = (await run('unshare', [...namespace, 'mount', '-t', 'tmpfs', 'none', '/mnt'])).code === 0
const skip = mountable ? false : 'no user namespace in which to mount a small disk'

void test('files: a full disk is told apart, and takes small objects again once the big one was given up', {
  skip,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-full-'))
  t.after(() => rm(directory, { recursive: true }))
  const sources = ['fs.ts', 'object-id.ts'].map((name) => new URL(`../../../src/blobs/${name}`, import.meta.url).href)
  const shell = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" --input-type=module --eval "$3" "$4" "$5" "$1"'
  const args = [directory, process.execPath, PROGRAM, ...sources]
  const output = await must('unshare', [...namespace, 'sh', '-c', shell, 'sh', ...args])
  const { before, answers, sizes } = JSON.parse(output)
  assert.equal(before.totalBytes, 6 * MIB)
  const message = 'the storage of this server is full'
  const refused = { kind: 'storage_full', message, cause: 'ENOSPC', size: null }
  assert.deepEqual(answers, ['stored', refused, 'stored'])
  assert.deepEqual(sizes, [1_000_000, 3_000_000])
})
