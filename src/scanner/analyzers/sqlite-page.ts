/** Big-endian groups of 7 bits, at most 9 bytes. Beyond 2⁵³ it is not exact; no size or row of a file that is read is. Source: SQLite, 1.6. */
export function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[at + index]
    if (byte === undefined) throw new Error('a number is cut off')
    if (index === 8) return { value: value * 256 + byte, end: at + 9 }
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end: at + index + 1 }
  }
  throw new Error('unreachable')
}

/**
 * The cells of one page of a B-tree. Every byte of the area belongs to a cell, a free block or a fragment, so that a cell that is left out
 * is noticed. Source: SQLite's "Database File Format", 1.6.
 */
export class CellArea {
  readonly #page: Buffer
  readonly #header: number
  readonly #pointers: number
  readonly #usable: number
  readonly #start: number
  readonly #used: (readonly [from: number, to: number])[] = []

  constructor(page: Buffer, header: number, headerBytes: number, usable: number) {
    this.#page = page
    this.#header = header
    this.#pointers = header + headerBytes
    this.#usable = usable
    this.#start = page.readUInt16BE(header + 5) || 65_536
    const end = this.#pointers + 2 * this.count
    if (end > this.#start || this.#start > usable) throw new Error('a page has more rows than fit')
  }

  get count(): number {
    return this.#page.readUInt16BE(this.#header + 3)
  }

  *pointers(): Generator<number> {
    for (let index = 0; index < this.count; index += 1) {
      const at = this.#page.readUInt16BE(this.#pointers + 2 * index)
      if (at < this.#start || at + 4 > this.#usable) throw new Error('a row lies outside its page')
      yield at
    }
  }

  use(from: number, to: number): void {
    if (to > this.#usable) throw new Error('a row lies outside its page')
    // A cell takes at least 4 bytes, which a free block needs.
    this.#used.push([from, Math.max(to, from + 4)])
  }

  checkAllUsed(): void {
    this.#addFreeBlocks()
    let at = this.#start
    let gaps = 0
    for (const [from, to] of this.#used.sort(([a], [b]) => a - b)) {
      if (from < at) throw new Error('two rows lie in the same place')
      gaps += from - at
      at = to
    }
    gaps += this.#usable - at
    if (gaps !== this.#page[this.#header + 7]) throw new Error('a page has bytes that belong to no row')
  }

  #addFreeBlocks(): void {
    let before = 0
    for (let at = this.#page.readUInt16BE(this.#header + 1); at !== 0; at = this.#page.readUInt16BE(at)) {
      if (at <= before || at + 4 > this.#usable) throw new Error('a free block lies outside its page')
      const size = this.#page.readUInt16BE(at + 2)
      if (size < 4) throw new Error('a free block is too small')
      this.use(at, at + size)
      before = at
    }
  }
}
