import type { ObjectId } from '../blobs/blob-store.ts'
import { sealedSize } from '../encryption/tink-stream.ts'
import type { CheckedObject } from '../metadata/tables/check.ts'
import { findObject, knownObjects, MOST_IDS, objectsAfter } from '../metadata/tables/check.ts'
import type { CheckRun } from './deps.ts'
import type { Problem } from './problem.ts'
import { MARKER_ID } from './store-marker.ts'

/** An object without a row is removed only when older: whatever wrote it has long ended. Milliseconds. */
const OLD_MS = 24 * 3_600_000
const OBJECT_ID = /^[0-9a-f]{32}$/
/** Objects asked of the store at once: S3 answers in milliseconds, but many at a time. */
const AT_ONCE = 16
const PAGE = 500

interface Listed {
  readonly id: string
  readonly size: number
  readonly modifiedAt: number
}

/** Every stored object has its row. */
export async function* checkStoredObjects(run: CheckRun): AsyncGenerator<Problem, void, void> {
  let batch: Listed[] = []
  for await (const object of run.blobs.list()) {
    if (object.id === MARKER_ID) continue
    run.figures.counted.stored += 1
    run.figures.counted.storedBytes += object.size
    if (!OBJECT_ID.test(object.id)) {
      yield foreign(object)
      continue
    }
    batch.push(object)
    if (batch.length < MOST_IDS) continue
    yield* withoutRow(run, batch)
    batch = []
  }
  yield* withoutRow(run, batch)
}

/** Batches are listed first and looked up afterwards. */
async function* withoutRow(run: CheckRun, listed: readonly Listed[]): AsyncGenerator<Problem, void, void> {
  const ids = listed.map((object) => object.id)
  const known = await run.metadata.read((sql) => knownObjects(sql, ids))
  for (const object of listed) {
    if (known.has(object.id)) continue
    // The sweep removes the bytes, then the row: both may have happened since it was listed.
    if ((await run.blobs.size(object.id as ObjectId)) === null) continue
    const age = run.now() - object.modifiedAt
    if (age < OLD_MS) run.figures.pending.young += 1
    else if (!(run.repair && (await removeOrphan(run, object)))) yield orphan(object, age)
  }
}

/** Looks again with the database's writers held off (SQLite) or at least in its newest state. */
async function removeOrphan(run: CheckRun, { id }: Listed): Promise<boolean> {
  const known = await run.metadata.transact((sql) => findObject(sql, id))
  if (known !== null) return true
  await run.blobs.delete(id as ObjectId)
  run.figures.repaired += 1
  return true
}

/** Every stored row has its object, of the right size, and somebody who needs it. */
export async function* checkRowsOfObjects(run: CheckRun): AsyncGenerator<Problem, void, void> {
  let after = ''
  for (;;) {
    const from = after
    const page = await run.metadata.read((sql) => objectsAfter(sql, from, PAGE))
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
    for (let at = 0; at < page.length; at += AT_ONCE)
      for (const problem of await Promise.all(page.slice(at, at + AT_ONCE).map((object) => checkRow(run, object))))
        if (problem) yield problem
  }
}

async function checkRow(run: CheckRun, object: CheckedObject): Promise<Problem | null> {
  run.figures.counted.objects += 1
  if (object.state !== 'stored') return countPending(run, object)
  const size = await run.blobs.size(object.id as ObjectId)
  if (size === sealedSize(object.size) && object.owned === 1) return null
  // Whoever removes it marks the row first: still "stored" now means that the bytes should have been there then.
  const again = await run.metadata.read((sql) => findObject(sql, object.id))
  if (again?.state !== 'stored') return null
  if (size === null) return { kind: 'object_missing', subject: object.id, detail: 'the store does not have it' }
  if (size !== sealedSize(again.size)) return wrongSize(again, size)
  return again.owned === 1 ? null : ownerless(again)
}

function countPending({ figures, metadata }: CheckRun, object: CheckedObject): Promise<null> {
  return metadata.read(async (sql) => {
    if (object.state === 'deleting') figures.pending.deleting += 1
    else if (object.lease_until < sql.now()) figures.pending.abandoned += 1
    else figures.pending.writing += 1
    return null
  })
}

function foreign({ id }: Listed): Problem {
  return { kind: 'object_foreign', subject: id, detail: 'the store holds something that Entrepot did not put there' }
}

function orphan({ id, size }: Listed, age: number): Problem {
  const days = Math.floor(age / OLD_MS)
  const detail = `${size} bytes, ${days} days old, that no row knows; --repair removes them`
  return { kind: 'object_without_row', subject: id, detail }
}

function wrongSize({ id, size }: CheckedObject, stored: number): Problem {
  const detail = `the store has ${stored} bytes, ${sealedSize(size)} were written`
  return { kind: 'object_size', subject: id, detail }
}

function ownerless({ id, size }: CheckedObject): Problem {
  const detail = `${size} bytes of no blob and no upload: nothing reads them, nothing removes them`
  return { kind: 'object_without_owner', subject: id, detail }
}
