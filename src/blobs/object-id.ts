import { randomBytes } from 'node:crypto'
import type { ObjectId } from './blob-store.ts'

const SHAPE = /^[0-9a-f]{32}$/

export function newObjectId(): ObjectId {
  return randomBytes(16).toString('hex') as ObjectId
}

export function isObjectId(text: string): text is ObjectId {
  return SHAPE.test(text)
}

/** Ids become file names and keys: whatever the types say, nothing else may. @throws TypeError */
export function assertObjectId(id: string): asserts id is ObjectId {
  if (!SHAPE.test(id)) throw new TypeError(`"${id.slice(0, 100)}" is not an object id`)
}

/** @throws RangeError */
export function assertRange(start: number, end: number, chunkBytes: number): void {
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end)) {
    throw new RangeError(`no range ${start}-${end}`)
  }
  if (!(Number.isSafeInteger(chunkBytes) && chunkBytes > 0)) throw new RangeError(`no chunk size ${chunkBytes}`)
}
