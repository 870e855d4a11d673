import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import type { ObjectId } from './blob-store.ts'
import { blobStoreContract } from './contract.ts'
import type { FsBlobStore } from './fs.ts'
import { openFsBlobStore } from './fs.ts'
import { newObjectId } from './object-id.ts'

const MIB = 1024 * 1024

async function openIn(directory: string): Promise<FsBlobStore> {
  const store = await openFsBlobStore({ directory })
  return Object.assign(store, {
    [Symbol.asyncDispose]: async () => {
      await Reflect.apply(Object.getPrototypeOf(store)[Symbol.asyncDispose], store, [])
      await rm(directory, { recursive: true })
    },
  })
}

async function temporary(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'entrepot-blobs-'))
}

blobStoreContract('files', async () => await openIn(await temporary()))

void test('files: an id is used once', async () => {
  await using store = await openIn(await temporary())
  const id = await put(store, randomBytes(10))
  await assert.rejects(store.create(id), TypeError)
  const unfinished = newObjectId()
  const writer = await store.create(unfinished)
  await assert.rejects(store.create(unfinished), TypeError)
  await writer.discard()
  assert.equal(await store.size(id), 10)
})

void test('files: nobody else may read them', { skip: process.platform === 'win32' }, async () => {
  const directory = await temporary()
  await using store = await openIn(directory)
  const id = await put(store, randomBytes(10))
  const file = join(directory, 'objects', id.slice(0, 2), id.slice(2))
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal((await stat(join(directory, 'objects'))).mode & 0o777, 0o700)
  assert.equal((await stat(join(directory, 'objects', '00'))).mode & 0o777, 0o700)
})

void test('files: opened again, everything is there', async () => {
  const directory = await temporary()
  const first = await openFsBlobStore({ directory })
  const id = await put(first, Buffer.from('durable'))
  await first[Symbol.asyncDispose]()
  await using second = await openIn(directory)
  assert.equal(await second.size(id), 7)
  assert.equal((await readdir(join(directory, 'objects'))).length, 256)
})

void test('files: a file cut short behind our back ends in an error after its last whole chunk', async () => {
  const directory = await temporary()
  await using store = await openIn(directory)
  const id = await put(store, randomBytes(3 * MIB))
  await truncate(join(directory, 'objects', id.slice(0, 2), id.slice(2)), 2 * MIB + 5)
  let whole = 0
  await assert.rejects(
    async () => {
      for await (const chunk of store.read(id, 0, 3 * MIB)) whole += chunk.length
    },
    (error: unknown) => error instanceof DomainError && error.kind === 'unavailable' && !error.message.includes(id),
  )
  assert.equal(whole, 2 * MIB)
})

void test('files: what strangers put there is listed', async () => {
  const directory = await temporary()
  await using store = await openIn(directory)
  await writeFile(join(directory, 'objects', 'ab', 'README'), 'hello')
  await writeFile(join(directory, 'objects', 'notes.txt'), 'hello')
  const listed = await Array.fromAsync(store.list())
  assert.deepEqual(
    listed.map(({ id, size }) => ({ id, size })),
    [{ id: 'abREADME', size: 5 }],
  )
})

void test('files: the volume’s space is known', async () => {
  await using store = await openIn(await temporary())
  const { freeBytes, totalBytes } = await store.space()
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes)
})

void test('files: no file stays open', { skip: process.platform !== 'linux' }, async () => {
  const directory = await temporary()
  const before = await openFiles(directory)
  const store = await openIn(directory)
  const id = await put(store, randomBytes(3 * MIB))
  for await (const _ of store.read(id, 0, 3 * MIB)) break
  await assert.rejects(Array.fromAsync(store.read(id, 0, 4 * MIB)))
  const writer = await store.create(newObjectId())
  await writer.write([randomBytes(10)])
  await writer.discard()
  assert.ok((await openFiles(directory)) <= before + 1, 'only the directory that was fsynced')
  await store[Symbol.asyncDispose]()
  assert.equal(await openFiles(directory), before)
})

void test('files: a directory that cannot be written is no full disk', { skip: process.getuid?.() === 0 }, async () => {
  const directory = await temporary()
  await using store = await openIn(directory)
  const id = newObjectId()
  await chmod(join(directory, 'objects', id.slice(0, 2)), 0o500)
  await assert.rejects(store.create(id), { code: 'EACCES' })
})

async function put(store: FsBlobStore, bytes: Buffer): Promise<ObjectId> {
  const id = newObjectId()
  const writer = await store.create(id)
  await writer.write([bytes])
  await writer.close()
  return id
}

async function openFiles(directory: string): Promise<number> {
  const { readlink } = await import('node:fs/promises')
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((path) => path.startsWith(directory)).length
}

test('files: an object of another store on the same file system is linked, not copied', async () => {
  const [one, other] = [await temporary(), await temporary()]
  await using source = await openIn(one)
  await using target = await openIn(other)
  const id = newObjectId()
  const writer = await source.create(id)
  await writer.write([Buffer.from('bytes')])
  await writer.close()
  assert.equal(await target.link(source, id), true)
  assert.equal((await stat(join(other, 'objects', id.slice(0, 2), id.slice(2)))).nlink, 2)
  await source.delete(id)
  assert.equal(await target.size(id), 5, 'it stays when the source removes its own')
  await assert.rejects(target.link(source, newObjectId()), { kind: 'not_found' })
})
