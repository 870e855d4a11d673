import { CellArea, varint } from './sqlite-page.ts'
import { fieldsOf, integerOf } from './sqlite-record.ts'

/**
 * A reader of one table of a SQLite file, from its pages: SQL has no say, and no native code meets the bytes. Source: SQLite's "Database
 * File Format". Whether the file is in WAL mode does not matter: rpm leaves no log behind.
 */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')
const FILE_HEADER_BYTES = 100
const PAGE = { interior: 5, leaf: 13 } as const
const MAX_DEPTH = 20

export function isSqlite(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

/** The second column of each row of `table` (hnum INTEGER PRIMARY KEY, blob BLOB). Each page is used once. @throws if a page is damaged. */
export function* sqliteValues(bytes: Buffer, table: string): Generator<Buffer> {
  const file = new SqliteFile(bytes)
  let root: number | null = null
  for (const row of file.rows(1)) {
    const [type, name, , rootPage] = fieldsOf(row, 5)
    if (String(type) === 'table' && String(name) === table && rootPage) root = integerOf(rootPage)
  }
  if (root === null) throw new Error(`it has no table ${table}`)
  for (const row of file.rows(root)) {
    const [, blob] = fieldsOf(row, 2)
    if (!blob?.length) throw new Error(`a row of ${table} is empty`)
    yield blob
  }
}

interface Order {
  /** Row ids that come must be greater. */
  last: number
}

class SqliteFile {
  readonly #bytes: Buffer
  readonly #pageSize: number
  /** What of a page is used. */
  readonly #usable: number
  readonly #pages: number
  readonly #seen = new Set<number>()

  constructor(bytes: Buffer) {
    if (bytes.length < FILE_HEADER_BYTES) throw new Error('it is cut off')
    const stated = bytes.readUInt16BE(16)
    this.#bytes = bytes
    this.#pageSize = stated === 1 ? 65_536 : stated
    this.#usable = this.#pageSize - (bytes[20] ?? 0)
    const isPowerOf2 = (this.#pageSize & (this.#pageSize - 1)) === 0
    if (!isPowerOf2 || this.#pageSize < 512 || this.#usable < 480) throw new Error('its page size is absurd')
    // 1.3.8: the number of pages counts only if whoever wrote last knew of it.
    const isStated = bytes.readUInt32BE(24) === bytes.readUInt32BE(92) && bytes.readUInt32BE(28) !== 0
    this.#pages = isStated ? bytes.readUInt32BE(28) : Math.ceil(bytes.length / this.#pageSize)
    if (bytes.length !== this.#pages * this.#pageSize) {
      throw new Error(`it has ${bytes.length} bytes, and says it has ${this.#pages} pages of ${this.#pageSize}`)
    }
  }

  /** Records of a table's B-tree in the order of their row ids. Source: 1.6. */
  *rows(root: number): Generator<Buffer> {
    yield* this.#walk(root, { last: Number.NEGATIVE_INFINITY }, 0)
  }

  *#walk(number: number, order: Order, depth: number): Generator<Buffer> {
    if (depth > MAX_DEPTH) throw new Error('its tree is too deep')
    const page = this.#page(number)
    const start = number === 1 ? FILE_HEADER_BYTES : 0
    const isLeaf = page[start] === PAGE.leaf
    if (!isLeaf && page[start] !== PAGE.interior) throw new Error(`page ${number} is not of a table`)
    const cells = new CellArea(page, start, isLeaf ? 8 : 12, this.#usable)
    // Only a whole table can be empty: such a page is another table's.
    if (isLeaf && depth > 0 && cells.count === 0) throw new Error(`page ${number} has no rows`)
    for (const at of cells.pointers()) {
      if (isLeaf) {
        yield this.#leafCell(page, at, order, cells)
      } else {
        const key = varint(page, at + 4)
        cells.use(at, key.end)
        yield* this.#walk(page.readUInt32BE(at), order, depth + 1)
        if (order.last > key.value) throw new Error(`page ${number} is out of order`)
        order.last = key.value
      }
    }
    cells.checkAllUsed()
    if (!isLeaf) yield* this.#walk(page.readUInt32BE(start + 8), order, depth + 1)
  }

  #leafCell(page: Buffer, at: number, order: Order, cells: CellArea): Buffer {
    const length = varint(page, at)
    const row = varint(page, length.end)
    if (row.value <= order.last) throw new Error('its rows are out of order')
    order.last = row.value
    return this.#payload(page, row.end, length.value, (end) => cells.use(at, end))
  }

  /** Source: 1.6, "Cell Payload Overflow Pages". */
  #payload(page: Buffer, at: number, length: number, used: (end: number) => void): Buffer {
    const most = this.#usable - 35
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23
    if (length > this.#bytes.length) throw new Error('a row is longer than the file')
    const rest = least + ((length - least) % (this.#usable - 4))
    const local = length <= most ? length : rest <= most ? rest : least
    if (local === length) {
      used(at + local)
      return page.subarray(at, at + local)
    }
    used(at + local + 4)
    return this.#overflow(page.subarray(at, at + local), page.readUInt32BE(at + local), length)
  }

  #overflow(first: Buffer, next: number, length: number): Buffer {
    const parts = [first]
    let left = length - first.length
    let number = next
    while (left > 0) {
      const page = this.#page(number)
      const part = page.subarray(4, Math.min(4 + left, this.#usable))
      parts.push(part)
      left -= part.length
      number = page.readUInt32BE(0)
    }
    if (number !== 0) throw new Error('a row goes on after its end')
    return Buffer.concat(parts)
  }

  /** @throws if the file has no such page, or it was used already: loops end here. */
  #page(number: number): Buffer {
    if (number < 1 || number > this.#pages) throw new Error(`it has no page ${number}`)
    if (this.#seen.has(number)) throw new Error(`page ${number} is used twice`)
    this.#seen.add(number)
    return this.#bytes.subarray((number - 1) * this.#pageSize, number * this.#pageSize)
  }
}
