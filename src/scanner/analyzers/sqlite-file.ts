import { CellArea, varint } from './sqlite-page.ts'

/** Pages and B-trees of a SQLite file. Source: SQLite's "Database File Format". */
const FILE_HEADER_BYTES = 100
/** Kinds of pages of a B-tree. A table without row ids is an index, too. */
const TABLE = { interior: 5, leaf: 13 } as const
const INDEX = { interior: 2, leaf: 10 } as const
const MAX_DEPTH = 20
const POINTER_MAP_ENTRY_BYTES = 5

interface Walk {
  readonly isTable: boolean
  /** Row ids of a table that come must be greater. */
  last: number
}

/** A row of a table or an entry of an index: what lies in its page, and the first page with the rest. */
interface Cell {
  readonly length: number
  readonly local: Buffer
  /** 0: there is no rest. */
  readonly next: number
}

/** Each page is used once: for one tree, or for the rest of one row. */
export class SqliteFile {
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
    const walk = { isTable: true, last: Number.NEGATIVE_INFINITY }
    for (const { length, local, next } of this.#cells(root, walk, 0)) {
      yield next === 0 ? local : Buffer.concat([local, ...this.#rest(next, length - local.length)])
    }
  }

  /** Uses the pages of a B-tree, of a table or an index. @returns how many rows or entries it has. */
  use(root: number): number {
    const type = this.#bytes[(root - 1) * this.#pageSize]
    const isTable = type === TABLE.interior || type === TABLE.leaf
    let count = 0
    for (const { length, local, next } of this.#cells(root, { isTable, last: Number.NEGATIVE_INFINITY }, 0)) {
      if (next !== 0) this.#rest(next, length - local.length)
      count += 1
    }
    return count
  }

  /** A page that no tree of the schema leads to, and that is not free, would be packages that nobody sees. @throws if there is one. */
  checkAllUsed(): void {
    this.#useFreeList()
    this.#usePointerMap()
    for (let number = 1; number <= this.#pages; number += 1) {
      if (!this.#seen.has(number)) throw new Error(`page ${number} belongs to nothing`)
    }
  }

  /** Source: 1.5. */
  #useFreeList(): void {
    let free = 0
    for (let number = this.#bytes.readUInt32BE(32); number !== 0; ) {
      const trunk = this.#page(number)
      const leaves = trunk.readUInt32BE(4)
      if (leaves > this.#usable / 4 - 2) throw new Error('its list of free pages is damaged')
      for (let index = 0; index < leaves; index += 1) this.#page(trunk.readUInt32BE(8 + 4 * index))
      free += 1 + leaves
      number = trunk.readUInt32BE(0)
    }
    if (free !== this.#bytes.readUInt32BE(36)) throw new Error('its list of free pages is damaged')
  }

  /** Only files with auto-vacuum have one. The page with the lock would shift it, at 1 GiB: no file that is read is that large. Source: 1.8. */
  #usePointerMap(): void {
    if (this.#bytes.readUInt32BE(52) === 0) return
    const apart = Math.floor(this.#usable / POINTER_MAP_ENTRY_BYTES) + 1
    for (let number = 2; number <= this.#pages; number += apart) this.#page(number)
  }

  *#cells(number: number, walk: Walk, depth: number): Generator<Cell> {
    const { page, isLeaf, cells, last } = this.#node(number, walk, depth)
    for (const at of cells.pointers()) {
      const used = (end: number): void => cells.use(at, end)
      if (!isLeaf) yield* this.#cells(page.readUInt32BE(at), walk, depth + 1)
      const own = isLeaf ? at : at + 4
      if (!walk.isTable) yield this.#indexCell(page, own, used)
      else if (isLeaf) yield this.#tableCell(page, own, walk, used)
      else separate(page, own, walk, used)
    }
    cells.checkAllUsed()
    if (last !== null) yield* this.#cells(last, walk, depth + 1)
  }

  /** One page of a tree; `last`: the page below it that no cell leads to, if it is no leaf. */
  #node(number: number, { isTable }: Walk, depth: number) {
    if (depth > MAX_DEPTH) throw new Error('its tree is too deep')
    const page = this.#page(number)
    const start = number === 1 ? FILE_HEADER_BYTES : 0
    const { leaf, interior } = isTable ? TABLE : INDEX
    const isLeaf = page[start] === leaf
    if (!isLeaf && page[start] !== interior) {
      throw new Error(`page ${number} is not of ${isTable ? 'a table' : 'an index'}`)
    }
    const cells = new CellArea(page, start, isLeaf ? 8 : 12, this.#usable)
    // Only a whole table can be empty: such a page is another table's.
    if (isLeaf && depth > 0 && cells.count === 0) throw new Error(`page ${number} has no rows`)
    return { page, isLeaf, cells, last: isLeaf ? null : page.readUInt32BE(start + 8) }
  }

  #tableCell(page: Buffer, at: number, walk: Walk, used: (end: number) => void): Cell {
    const length = varint(page, at)
    const row = varint(page, length.end)
    if (row.value <= walk.last) throw new Error('its rows are out of order')
    walk.last = row.value
    return this.#payload(page, row.end, length.value, this.#usable - 35, used)
  }

  #indexCell(page: Buffer, at: number, used: (end: number) => void): Cell {
    const length = varint(page, at)
    const most = Math.floor(((this.#usable - 12) * 64) / 255) - 23
    return this.#payload(page, length.end, length.value, most, used)
  }

  /** `most`: bytes that may lie in the page itself. Source: 1.6, "Cell Payload Overflow Pages". */
  #payload(page: Buffer, at: number, length: number, most: number, used: (end: number) => void): Cell {
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23
    if (length > this.#bytes.length) throw new Error('a row is longer than the file')
    const rest = least + ((length - least) % (this.#usable - 4))
    const size = length <= most ? length : rest <= most ? rest : least
    const isWhole = size === length
    used(isWhole ? at + size : at + size + 4)
    const next = isWhole ? 0 : page.readUInt32BE(at + size)
    if (!isWhole && next === 0) throw new Error('a row is cut off')
    return { length, local: page.subarray(at, at + size), next }
  }

  #rest(first: number, length: number): Buffer[] {
    const parts: Buffer[] = []
    let left = length
    let number = first
    while (left > 0) {
      const page = this.#page(number)
      const part = page.subarray(4, Math.min(4 + left, this.#usable))
      parts.push(part)
      left -= part.length
      number = page.readUInt32BE(0)
    }
    if (number !== 0) throw new Error('a row goes on after its end')
    return parts
  }

  /** @throws if the file has no such page, or it was used already: loops end here. */
  #page(number: number): Buffer {
    if (number < 1 || number > this.#pages) throw new Error(`it has no page ${number}`)
    if (this.#seen.has(number)) throw new Error(`page ${number} is used twice`)
    this.#seen.add(number)
    return this.#bytes.subarray((number - 1) * this.#pageSize, number * this.#pageSize)
  }
}

/** Between two pages of a table: the greatest row id of the first one, or one that was there. */
function separate(page: Buffer, at: number, walk: Walk, used: (end: number) => void): void {
  const key = varint(page, at)
  used(key.end)
  if (walk.last > key.value) throw new Error('its pages are out of order')
  walk.last = key.value
}
