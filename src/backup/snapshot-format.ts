import type { SnapshotName } from '../blobs/snapshot-store.ts'
import type { SqlValue } from '../metadata/metadata-store.ts'

/**
 * A snapshot of the metadata: NDJSON, compressed (zstd), encrypted (Tink streaming AEAD, associated data: its name).
 *
 *     {"format":"entrepot metadata","version":1, …}       the header
 *     {"table":"contracts","columns":["id","name", …]}    then its rows, in the order of the primary key
 *     [1,"acme", …]                                       bytes: {"b64":"…"}
 *     {"end":{"contracts":1, …}}                          rows of each table
 *
 * Tables come after those they refer to. The same text comes from SQLite and PostgreSQL and goes into either. A stored
 * format: a change raises `version`.
 */
export const FORMAT = 'entrepot metadata'
export const VERSION = 1

export interface SnapshotHeader {
  readonly format: typeof FORMAT
  readonly version: number
  readonly name: SnapshotName
  readonly installation: string
  /** Milliseconds UTC by the database's clock: the state is that of this moment. */
  readonly takenAt: number
  /** Version of the program that wrote it. */
  readonly program: string
  /** The schema. */
  readonly migrations: readonly { readonly id: number; readonly name: string }[]
  /** The last id each table gave. */
  readonly lastIds: readonly { readonly name: string; readonly last: number }[]
}

export interface RowBatch {
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly SqlValue[])[]
}

export type RowCounts = Readonly<Record<string, number>>

export function encodeRow(values: readonly SqlValue[]): string {
  return JSON.stringify(values.map(encodeValue))
}

function encodeValue(value: SqlValue): unknown {
  if (value instanceof Uint8Array) {
    const { buffer, byteOffset, length } = value
    return { b64: Buffer.from(buffer, byteOffset, length).toString('base64') }
  }
  return typeof value === 'bigint' ? Number(value) : value
}

/** @throws TypeError for what no snapshot holds. */
export function decodeRow(values: readonly unknown[]): SqlValue[] {
  return values.map((value) => {
    if (value === null || typeof value === 'string' || typeof value === 'number') return value
    if (typeof value === 'object' && 'b64' in value && typeof value.b64 === 'string')
      return Buffer.from(value.b64, 'base64')
    throw new TypeError(`${typeof value} is no value of a snapshot`)
  })
}
