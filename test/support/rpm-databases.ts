import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

/** An installed package's header, as rpm keeps it: its own tags in a region with a digest, what was added on installation behind. */
export interface RpmTags {
  readonly name: string
  readonly version: string
  readonly release: string
  readonly epoch?: number
  readonly architecture?: string
  readonly sourceRpm?: string
  readonly module?: string
  /** Absolute; a directory ends with a slash. */
  readonly files?: readonly string[]
}

type Tag = readonly [tag: number, type: 3 | 4 | 6 | 8, value: string | readonly string[] | readonly number[]]

const REGION = 63
const SHA256 = 273

export function rpmHeader(tags: RpmTags): Buffer {
  return headerOf(tagsOf(tags))
}

function tagsOf(given: RpmTags): Tag[] {
  const files = given.files ?? []
  const paths = files.map((path) => path.replace(/\/$/, ''))
  const directories = [...new Set(paths.map((path) => path.slice(0, path.lastIndexOf('/') + 1)))]
  const tags: (Tag | null)[] = [
    [1000, 6, given.name],
    [1001, 6, given.version],
    [1002, 6, given.release],
    given.epoch === undefined ? null : [1003, 4, [given.epoch]],
    given.architecture === undefined ? null : [1022, 6, given.architecture],
    files.length === 0 ? null : [1030, 3, files.map((path) => (path.endsWith('/') ? 0o040755 : 0o100755))],
    given.sourceRpm === undefined ? null : [1044, 6, given.sourceRpm],
    files.length === 0
      ? null
      : [1116, 4, paths.map((path) => directories.indexOf(path.slice(0, path.lastIndexOf('/') + 1)))],
    files.length === 0 ? null : [1117, 8, paths.map((path) => path.slice(path.lastIndexOf('/') + 1))],
    files.length === 0 ? null : [1118, 8, directories],
    given.module === undefined ? null : [5096, 6, given.module],
  ]
  return tags.filter((tag) => tag !== null)
}

/** Of any tags, however senseless. */
export function headerOf(tags: readonly Tag[]): Buffer {
  const index: Buffer[] = []
  let data = Buffer.alloc(0)
  const add = ([tag, type, value]: Tag): void => {
    const size = { 3: 2, 4: 4, 6: 1, 8: 1 }[type]
    data = Buffer.concat([data, Buffer.alloc((size - (data.length % size)) % size)])
    const values = Array.isArray(value) ? value : [value]
    index.push(entry(tag, type, data.length, values.length))
    data = Buffer.concat([data, ...values.map((one) => encoded(one, size))])
  }
  for (const tag of tags) add(tag)
  const own = tags.length + 1
  index.unshift(entry(REGION, 7, data.length, 16))
  data = Buffer.concat([data, entry(REGION, 7, -16 * own, 16)])
  const region = Buffer.concat([u32(own), u32(data.length), ...index, data])
  add([SHA256, 6, createHash('sha256').update('8eade80100000000', 'hex').update(region).digest('hex')])
  return Buffer.concat([u32(index.length), u32(data.length), ...index, data])
}

function encoded(value: string | number, size: number): Buffer {
  if (typeof value === 'string') return Buffer.from(`${value}\0`)
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}

function entry(tag: number, type: number, offset: number, count: number): Buffer {
  const bytes = Buffer.concat([u32(tag), u32(type), Buffer.alloc(4), u32(count)])
  bytes.writeInt32BE(offset, 8)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** rpm's table, in WAL mode as rpm leaves it. */
export function sqliteDatabase(headers: readonly Buffer[], pageSize = 4096): Buffer {
  using database = new DatabaseSync(':memory:')
  database.exec(`PRAGMA page_size = ${pageSize};
    CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
    CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)`)
  const insert = database.prepare("INSERT INTO 'Packages' (blob) VALUES (?)")
  for (const header of headers) insert.run(header)
  const bytes = Buffer.from(database.serialize())
  bytes[18] = 2
  bytes[19] = 2
  return bytes
}

const NDB_SLOTS_END = 4096

export function ndbDatabase(headers: readonly Buffer[]): Buffer {
  const slots = Buffer.alloc(NDB_SLOTS_END)
  slots.write('RpmP', 0, 'latin1')
  slots.writeUInt32LE(1, 8)
  slots.writeUInt32LE(1, 12)
  slots.writeUInt32LE(headers.length + 1, 16)
  for (let at = 32; at < NDB_SLOTS_END; at += 16) slots.write('Slot', at, 'latin1')
  const blobs: Buffer[] = []
  let block = NDB_SLOTS_END / 16
  for (const [index, header] of headers.entries()) {
    const blob = ndbBlob(header, index + 1)
    // A slot is left free in between, as by a package that was removed.
    const at = 32 + 32 * index
    for (const [field, value] of [index + 1, block, blob.length / 16].entries())
      slots.writeUInt32LE(value, at + 4 + 4 * field)
    block += blob.length / 16
    blobs.push(blob)
  }
  return Buffer.concat([slots, ...blobs])
}

function ndbBlob(header: Buffer, index: number): Buffer {
  const blob = Buffer.alloc(16 * Math.ceil((16 + header.length + 12) / 16))
  blob.write('BlbS', 0, 'latin1')
  blob.writeUInt32LE(index, 4)
  blob.writeUInt32LE(1, 8)
  blob.writeUInt32LE(header.length, 12)
  header.copy(blob, 16)
  const tail = blob.length - 12
  let [a, b] = [1, 0]
  for (const byte of blob.subarray(0, tail)) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  blob.writeUInt32LE(b * 65_536 + a, tail)
  blob.writeUInt32LE(header.length, tail + 4)
  blob.write('BlbE', tail + 8, 'latin1')
  return blob
}

const BERKELEY_PAGE = 4096
/** Keys with their values on one page of a bucket; more go on another, which is the next of its chain. */
const PAIRS_PER_PAGE = 3

export function berkeleyDatabase(headers: readonly Buffer[], order: 'LE' | 'BE'): Buffer {
  return new Berkeley(order).build(headers)
}

class Berkeley {
  readonly #order: 'LE' | 'BE'
  readonly #pages: Buffer[] = []

  constructor(order: 'LE' | 'BE') {
    this.#order = order
    // The file's header, then the first pages of the two buckets.
    for (const type of [8, 13, 13]) this.#add(type)
  }

  build(headers: readonly Buffer[]): Buffer {
    const pairs = [[this.#inline(0), this.#inline(headers.length)]]
    for (const [index, header] of headers.entries()) pairs.push([this.#inline(index + 1), this.#offPage(header)])
    for (const bucket of [0, 1]) {
      const own = pairs.filter((_, index) => index % 2 === bucket)
      let page = bucket + 1
      for (let at = 0; at < own.length; at += PAIRS_PER_PAGE) {
        if (at > 0) page = this.#follow(page, 13)
        this.#fill(page, own.slice(at, at + PAIRS_PER_PAGE).flat())
      }
    }
    this.#describe(pairs.length)
    return Buffer.concat(this.#pages)
  }

  #describe(records: number): void {
    const fields = {
      12: 0x061561,
      16: 9,
      20: BERKELEY_PAGE,
      32: this.#pages.length - 1,
      72: 1,
      76: 1,
      88: records,
      96: 1,
      100: 1,
    }
    for (const [at, value] of Object.entries(fields)) this.#u32(0, Number(at), value)
  }

  #fill(page: number, items: readonly Buffer[]): void {
    let end = BERKELEY_PAGE
    for (const [index, item] of items.entries()) {
      end -= item.length
      item.copy(this.#at(page), end)
      this.#u16(page, 26 + 2 * index, end)
    }
    this.#u16(page, 20, items.length)
    this.#u16(page, 22, end)
  }

  #offPage(value: Buffer): Buffer {
    const room = BERKELEY_PAGE - 26
    const item = Buffer.alloc(12)
    item[0] = 3
    let page = this.#add(7)
    this.#write(item, 4, page)
    this.#write(item, 8, value.length)
    for (let at = 0; at < value.length; at += room) {
      if (at > 0) page = this.#follow(page, 7)
      const part = value.subarray(at, at + room)
      part.copy(this.#at(page), 26)
      this.#u16(page, 20, 1)
      this.#u16(page, 22, part.length)
    }
    return item
  }

  #inline(value: number): Buffer {
    const item = Buffer.alloc(5)
    item[0] = 1
    this.#write(item, 1, value)
    return item
  }

  #follow(page: number, type: number): number {
    const next = this.#add(type)
    this.#u32(page, 16, next)
    this.#u32(next, 12, page)
    return next
  }

  #add(type: number): number {
    const page = Buffer.alloc(BERKELEY_PAGE)
    const number = this.#pages.push(page) - 1
    page[25] = type
    this.#u32(number, 8, number)
    this.#u16(number, 22, type === 13 ? BERKELEY_PAGE : 0)
    return number
  }

  #at(page: number): Buffer {
    const found = this.#pages[page]
    if (found === undefined) throw new RangeError(`no page ${page}`)
    return found
  }

  #u32(page: number, at: number, value: number): void {
    this.#write(this.#at(page), at, value)
  }

  #u16(page: number, at: number, value: number): void {
    if (this.#order === 'LE') this.#at(page).writeUInt16LE(value, at)
    else this.#at(page).writeUInt16BE(value, at)
  }

  #write(bytes: Buffer, at: number, value: number): void {
    if (this.#order === 'LE') bytes.writeUInt32LE(value, at)
    else bytes.writeUInt32BE(value, at)
  }
}
