import { createHash, randomBytes } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { createZstdCompress } from 'node:zlib'
import type { ObjectWriter } from '../blobs/blob-store.ts'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { snapshotName } from '../blobs/snapshot-store.ts'
import { StreamSealer } from '../encryption/tink-stream.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { keyState } from '../metadata/tables/data-keys.ts'
import type { DumpedRow, DumpedTable } from '../metadata/tables/dump.ts'
import { appliedMigrations, dumpedTables, lastIds, rowsAfter } from '../metadata/tables/dump.ts'
import type { RowCounts, SnapshotHeader } from './snapshot-format.ts'
import { encodeRow, FORMAT, VERSION } from './snapshot-format.ts'

export interface SnapshotSource {
  readonly metadata: MetadataStore
  readonly installation: string
  /** 32 bytes: seals snapshots, and nothing else. */
  readonly key: Uint8Array
  /** @throws `unavailable` when the master key that `key` comes from is not the database's any more. */
  readonly confirmKey: (sql: Reader) => Promise<void>
  /** Version of this program. */
  readonly program: string
}

export interface WrittenSnapshot {
  readonly name: SnapshotName
  readonly takenAt: number
  readonly rows: RowCounts
  /** Of the encrypted bytes, as stored. */
  readonly size: number
  readonly sha256: string
  /** What the keys were: differs once one was made, destroyed or wrapped anew. */
  readonly keys: string
  readonly destroyedKeys: number
}

export interface SnapshotTarget {
  create(name: SnapshotName): Promise<ObjectWriter>
  /** Tables whose rows are not kept: whoever restores has them from elsewhere. */
  readonly leaveOut?: ReadonlySet<string>
  /** Every batch of rows, as it is read. */
  readonly onRows?: (table: string, rows: readonly DumpedRow[]) => Promise<void>
}

/** A page takes the event loop for a few milliseconds; in between others have their turn. */
const PAGE = { limit: 150, maxBytes: 1024 * 1024 }

/** Everything the database holds, as it was at one moment; durable once resolved. Memory use does not grow with it. */
export async function writeSnapshot(source: SnapshotSource, target: SnapshotTarget): Promise<WrittenSnapshot> {
  return await source.metadata.snapshot(async (sql) => {
    await source.confirmKey(sql)
    const { fingerprint: keys, destroyed: destroyedKeys } = await keyState(sql)
    const header = await headerOf(source, sql)
    const rows: Record<string, number> = {}
    const writer = await target.create(header.name)
    try {
      const sealed = new SealedWriter(writer, source.key, header.name)
      const lines = linesOf(sql, header, target.leaveOut ?? new Set(), async (table, batch) => {
        rows[table] = (rows[table] ?? 0) + batch.length
        await target.onRows?.(table, batch)
      })
      await pipeline(withEnd(lines, rows), createZstdCompress(), (chunks) => sealed.take(chunks))
      const { size, sha256 } = await sealed.close()
      return { name: header.name, takenAt: header.takenAt, rows, size, sha256, keys, destroyedKeys }
    } catch (error) {
      await writer.discard()
      throw error
    }
  })
}

async function headerOf({ installation, program }: SnapshotSource, sql: Reader): Promise<SnapshotHeader> {
  const migrations = await appliedMigrations(sql) // the first statement: it chooses the state
  const takenAt = sql.now()
  const name = snapshotName(takenAt, randomBytes(8).toString('hex'))
  const last = (await lastIds(sql)).map((row) => ({ ...row }))
  return { format: FORMAT, version: VERSION, name, installation, takenAt, program, migrations, lastIds: last }
}

async function* linesOf(
  sql: Reader,
  header: SnapshotHeader,
  leaveOut: ReadonlySet<string>,
  onRows: (table: string, rows: readonly DumpedRow[]) => Promise<void>,
): AsyncGenerator<string, void, void> {
  yield `${JSON.stringify(header)}\n`
  for (const table of await dumpedTables(sql)) {
    if (leaveOut.has(table.name)) continue
    yield `${JSON.stringify({ table: table.name, columns: table.columns })}\n`
    for await (const rows of pagesOf(sql, table)) {
      await onRows(table.name, rows)
      yield rows.map((row) => `${encodeRow(table.columns.map((column) => row[column] ?? null))}\n`).join('')
      await turn()
    }
  }
}

async function* pagesOf(sql: Reader, table: DumpedTable): AsyncGenerator<readonly DumpedRow[], void, void> {
  let last: DumpedRow | null = null
  for (;;) {
    const rows: readonly DumpedRow[] = await rowsAfter(sql, table, last, PAGE)
    if (rows.length === 0) return
    yield rows
    last = rows.at(-1) ?? null
  }
}

async function* withEnd(lines: AsyncIterable<string>, end: RowCounts): AsyncGenerator<string, void, void> {
  yield* lines
  yield `${JSON.stringify({ end })}\n`
}

/** Plaintext in, an encrypted object out. */
class SealedWriter {
  readonly #writer: ObjectWriter
  readonly #sealer: StreamSealer
  readonly #hash = createHash('sha256')
  #size = 0

  constructor(writer: ObjectWriter, key: Uint8Array, name: string) {
    this.#writer = writer
    this.#sealer = new StreamSealer(key, name)
  }

  async take(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      this.#sealer.push(chunk)
      await this.#write(this.#sealer.drain())
    }
  }

  async close(): Promise<{ size: number; sha256: string }> {
    await this.#write(this.#sealer.finish())
    await this.#writer.close()
    return { size: this.#size, sha256: this.#hash.digest('hex') }
  }

  async #write(sealed: readonly Uint8Array[]): Promise<void> {
    if (sealed.length === 0) return
    for (const piece of sealed) {
      this.#hash.update(piece)
      this.#size += piece.length
    }
    await this.#writer.write(sealed)
  }
}
