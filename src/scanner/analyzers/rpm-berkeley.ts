/** Source: BerkeleyDB's src/dbinc/db_page.h. Hash databases of the versions that rpm used (4.3 to 5.3), in either byte order. */
const HASH_MAGIC = 0x061561
const VERSIONS = [8, 9, 10]
const PAGE = { unused: 0, unsortedHash: 2, overflow: 7, hashMeta: 8, hash: 13 } as const
const ITEM = { data: 1, offPage: 3 } as const
const PAGE_HEADER_BYTES = 26
const META_BYTES = 224

export function isBerkeleyHash(bytes: Buffer): boolean {
  return bytes.length >= 16 && (bytes.readUInt32LE(12) === HASH_MAGIC || bytes.readUInt32BE(12) === HASH_MAGIC)
}

/** Values of all records but record 0, rpm's counter. Each page is used once. @throws if a page is not where and what it should be. */
export function* berkeleyValues(bytes: Buffer): Generator<Buffer> {
  const file = new HashFile(bytes)
  for (const page of file.bucketPages()) {
    for (const [key, value] of file.records(page)) {
      if (key.length !== 4) throw new Error('it has a record without a number')
      const isCounter = key.every((byte) => byte === 0)
      if (!isCounter) yield value
      else if (value.length !== 4) throw new Error('it has a package without a number')
    }
  }
  file.checkAllSeen()
}

class HashFile {
  readonly #bytes: Buffer
  readonly #isLittleEndian: boolean
  readonly #pageSize: number
  readonly #lastPage: number
  readonly #seen = new Set<number>([0])

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#isLittleEndian = bytes.readUInt32LE(12) === HASH_MAGIC
    if (bytes.length < META_BYTES) throw new Error('it is cut off')
    const version = this.#u32(16)
    this.#pageSize = this.#u32(20)
    this.#lastPage = this.#u32(32)
    const [encryption, type, flags] = [bytes[24], bytes[25], bytes[26]]
    if (!VERSIONS.includes(version) || type !== PAGE.hashMeta)
      throw new Error('it is of another version than are known')
    if (encryption !== 0 || flags !== 0) throw new Error('it is encrypted, or in another form that is not read')
    const isPowerOf2 = (this.#pageSize & (this.#pageSize - 1)) === 0
    if (!isPowerOf2 || this.#pageSize < 512 || this.#pageSize > 65_536) throw new Error('its page size is absurd')
    if ((this.#lastPage + 1) * this.#pageSize !== bytes.length) {
      throw new Error(`it has ${bytes.length} bytes, and says it has ${this.#lastPage + 1} pages of ${this.#pageSize}`)
    }
  }

  /** Offsets of the hash pages, bucket by bucket. Source: src/dbinc/hash.h, BUCKET_TO_PAGE: each doubling lies in one piece. */
  *bucketPages(): Generator<number> {
    const maxBucket = this.#u32(72)
    if (maxBucket > this.#lastPage) throw new Error('it has more buckets than pages')
    for (let bucket = 0; bucket <= maxBucket; bucket += 1) {
      const doubling = bucket === 0 ? 0 : 32 - Math.clz32(bucket)
      yield* this.#chain(bucket + this.#u32(96 + 4 * doubling))
    }
  }

  *#chain(first: number): Generator<number> {
    let previous = 0
    for (let number = first; number !== 0; ) {
      const page = this.#page(number)
      if (this.#isBlank(page)) return // allocated with its doubling, never used
      const type = this.#bytes[page + 25]
      if (type !== PAGE.hash && type !== PAGE.unsortedHash) throw new Error(`page ${number} is not of a bucket`)
      if (this.#u32(page + 12) !== previous) throw new Error(`page ${number} does not follow the one before`)
      yield page
      previous = number
      number = this.#u32(page + 16)
    }
  }

  /** Keys and values, in turns; they fill the page from its end. */
  *records(page: number): Generator<[Buffer, Buffer]> {
    const entries = this.#u16(page + 20)
    if (entries % 2 !== 0) throw new Error('a page has a key without a value')
    const lowest = PAGE_HEADER_BYTES + 2 * entries
    let end = this.#pageSize
    const next = (index: number): Buffer => {
      const start = this.#u16(page + PAGE_HEADER_BYTES + 2 * index)
      if (start < lowest || start >= end) throw new Error('a record lies outside its page')
      const item = this.#bytes.subarray(page + start, page + end)
      end = start
      return this.#content(item)
    }
    if (lowest > this.#pageSize) throw new Error('a page has more records than fit')
    for (let index = 0; index < entries; index += 2) yield [next(index), next(index + 1)]
    if (this.#u16(page + 22) !== end % 65_536) throw new Error('a page has more records than it says')
  }

  /**
   * Bytes that nothing led to would be packages that nobody sees; what was freed is in the list of free pages. The last page of a doubling
   * is made a bucket's when the doubling is allocated, long before its bucket is.
   */
  checkAllSeen(): void {
    for (let number = this.#u32(28); number !== 0; number = this.#u32(number * this.#pageSize + 16)) {
      if (this.#bytes[this.#page(number) + 25] !== PAGE.unused) throw new Error(`page ${number} is free and in use`)
    }
    for (let number = 1; number <= this.#lastPage; number += 1) {
      if (this.#seen.has(number)) continue
      const page = number * this.#pageSize
      const type = this.#bytes[page + 25]
      const isBucket = type === PAGE.hash || type === PAGE.unsortedHash
      const isEmptyBucket = isBucket && this.#u16(page + 20) === 0 && this.#u16(page + 22) === this.#pageSize % 65_536
      if (!isEmptyBucket && !this.#isBlank(page)) throw new Error(`page ${number} belongs to nothing`)
    }
  }

  #content(item: Buffer): Buffer {
    if (item[0] === ITEM.data) return item.subarray(1)
    if (item[0] !== ITEM.offPage || item.length !== 12) throw new Error('a record is of a kind that is not read')
    const read = (at: number): number => (this.#isLittleEndian ? item.readUInt32LE(at) : item.readUInt32BE(at))
    return this.#overflow(read(4), read(8))
  }

  #overflow(first: number, length: number): Buffer {
    const parts: Buffer[] = []
    let left = length
    let previous = 0
    for (let number = first; number !== 0; ) {
      const page = this.#page(number)
      const used = this.#u16(page + 22)
      const fits = used <= left && used <= this.#pageSize - PAGE_HEADER_BYTES
      if (this.#bytes[page + 25] !== PAGE.overflow || !fits || this.#u32(page + 12) !== previous) {
        throw new Error(`page ${number} is not of the record that it should be of`)
      }
      const start = page + PAGE_HEADER_BYTES
      parts.push(this.#bytes.subarray(start, start + used))
      left -= used
      previous = number
      number = this.#u32(page + 16)
    }
    if (left !== 0) throw new Error('a record is shorter than it says')
    return Buffer.concat(parts)
  }

  /** Where a page begins. @throws if it is none of the file's, names another number, or was used already: loops end here. */
  #page(number: number): number {
    if (number > this.#lastPage) throw new Error(`it has no page ${number}`)
    if (this.#seen.has(number)) throw new Error(`page ${number} is used twice`)
    this.#seen.add(number)
    const page = number * this.#pageSize
    if (this.#u32(page + 8) !== number && !this.#isBlank(page)) throw new Error(`page ${number} is another page`)
    return page
  }

  #isBlank(page: number): boolean {
    return this.#bytes.subarray(page, page + this.#pageSize).every((byte) => byte === 0)
  }

  #u32(at: number): number {
    return this.#isLittleEndian ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at)
  }

  #u16(at: number): number {
    return this.#isLittleEndian ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at)
  }
}
