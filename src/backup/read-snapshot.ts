import { pipeline, Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createZstdDecompress } from 'node:zlib'
import type { SnapshotName } from '../blobs/snapshot-store.ts'
import { DomainError } from '../domain/error.ts'
import { IntegrityError } from '../encryption/integrity-error.ts'
import { plaintextSize, SEGMENT_BYTES, StreamOpener } from '../encryption/tink-stream.ts'
import type { RowBatch, RowCounts, SnapshotHeader } from './snapshot-format.ts'
import { decodeRow, FORMAT, VERSION } from './snapshot-format.ts'

/** A snapshot's encrypted bytes, wherever they lie. */
export interface SealedSnapshot {
  readonly name: SnapshotName
  readonly size: number
  read(start: number, end: number, chunkBytes: number): AsyncIterable<Uint8Array>
}

export interface OpenSnapshot extends AsyncDisposable {
  readonly header: SnapshotHeader
  /** Once. Ends only when everything was there. @throws IntegrityError */
  batches(): AsyncGenerator<RowBatch, void, void>
}

/** Rows of one transaction of a restore. */
const BATCH_ROWS = 500
const BATCH_CHARACTERS = 4 * 1024 * 1024

/** @throws WrongKeyError when the key does not open it; `unsupported` when a newer program wrote it. */
export async function openSnapshot(sealed: SealedSnapshot, key: Uint8Array): Promise<OpenSnapshot> {
  const lines = linesOf(decompressed(decrypted(sealed, key)))
  const close = async (): Promise<void> => void (await lines.return())
  try {
    const first = await lines.next()
    const header = headerIn(first.done ? '' : first.value, sealed.name)
    return { header, batches: () => batchesOf(lines), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The first segment does not verify: another key, or damage. */
export class WrongKeyError extends Error {
  override readonly name = 'WrongKeyError'
}

async function* decrypted(sealed: SealedSnapshot, key: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const size = plaintextSize(sealed.size)
  let opener: StreamOpener | null = null
  let index = 0
  for await (const segment of sealed.read(0, sealed.size, SEGMENT_BYTES)) {
    opener ??= StreamOpener.fromHeader(key, sealed.name, segment, size)
    try {
      yield opener.open(index, segment)
    } catch (error) {
      throw index === 0 && error instanceof IntegrityError ? new WrongKeyError(error.message, { cause: error }) : error
    }
    index += 1
  }
}

function decompressed(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const plain = createZstdDecompress({ chunkSize: 1 << 18 })
  // A failure before it destroys it with that error, which is then thrown to whoever reads.
  pipeline(Readable.from(chunks, { objectMode: false }), plain, () => {})
  return plain
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void, void> {
  const decoder = new StringDecoder('utf8')
  let pieces: string[] = []
  for await (const chunk of chunks) {
    const parts = decoder.write(chunk).split('\n')
    for (const part of parts.slice(0, -1)) {
      yield pieces.length === 0 ? part : pieces.join('') + part
      pieces = []
    }
    pieces.push(parts.at(-1) ?? '')
  }
  if (pieces.join('') !== '') throw new IntegrityError('the snapshot ends within a line')
}

function headerIn(line: string, name: SnapshotName): SnapshotHeader {
  const header = parse(line)
  if (!isHeader(header)) throw new IntegrityError('this is no snapshot of the metadata')
  if (header.version > VERSION)
    throw new DomainError(
      'unsupported',
      `this backup has the format ${header.version}, written by Entrepot ${header.program}; this program knows ${VERSION}: ` +
        'restore with a program at least as new as the one that wrote it',
    )
  if (header.name !== name) throw new IntegrityError(`the snapshot ${name} says that it is ${header.name}`)
  return header
}

function isHeader(value: unknown): value is SnapshotHeader {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT
}

async function* batchesOf(lines: AsyncIterable<string>): AsyncGenerator<RowBatch, void, void> {
  const counts: Record<string, number> = {}
  let table = ''
  let columns: readonly string[] = []
  let rows: ReturnType<typeof decodeRow>[] = []
  let characters = 0
  for await (const line of lines) {
    const value = parse(line)
    if (Array.isArray(value)) {
      rows.push(decodeRow(value))
      characters += line.length
      if (rows.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue
    }
    if (rows.length > 0) {
      counts[table] = (counts[table] ?? 0) + rows.length
      yield { table, columns, rows }
      rows = []
      characters = 0
    }
    if (isTable(value)) ({ table, columns } = value)
    else if (isEnd(value)) {
      refuseDifference(value.end, counts)
      return
    }
  }
  throw new IntegrityError('the snapshot has no end')
}

function isTable(value: unknown): value is { table: string; columns: string[] } {
  return typeof value === 'object' && value !== null && 'table' in value
}

function isEnd(value: unknown): value is { end: RowCounts } {
  return typeof value === 'object' && value !== null && 'end' in value
}

function refuseDifference(promised: RowCounts, counts: RowCounts): void {
  for (const [table, count] of Object.entries(promised))
    if (counts[table] !== count)
      throw new IntegrityError(`the snapshot has ${counts[table] ?? 0} rows of ${table}, not ${count}`)
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new IntegrityError('a line of the snapshot is no JSON', { cause })
  }
}
