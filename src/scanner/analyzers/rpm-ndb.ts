/** Source: rpm's lib/backend/ndb/rpmpkg.c. Always little-endian. */
const FILE_MAGIC = 0x506d7052 // RpmP
const SLOT_MAGIC = 0x746f6c53 // Slot
const HEAD_MAGIC = 0x53626c42 // BlbS
const TAIL_MAGIC = 0x45626c42 // BlbE
const PAGE_BYTES = 4096
const SLOT_BYTES = 16
const BLOCK_BYTES = 16
const HEAD_BYTES = 16
const TAIL_BYTES = 12
/** The file's header takes the place of the first two slots. */
const FIRST_SLOT = 32

export function isNdb(bytes: Buffer): boolean {
  return bytes.length >= FIRST_SLOT && bytes.readUInt32LE(0) === FILE_MAGIC
}

/** What each slot leads to. @throws if a slot or what it leads to is damaged, which a checksum tells. */
export function* ndbValues(bytes: Buffer): Generator<Buffer> {
  const slotsEnd = endOfSlots(bytes)
  const seen = new Set<number>()
  const used: (readonly [start: number, end: number])[] = []
  for (let at = FIRST_SLOT; at < slotsEnd; at += SLOT_BYTES) {
    const [magic, index, offset, blocks] = [0, 4, 8, 12].map((field) => bytes.readUInt32LE(at + field))
    if (magic !== SLOT_MAGIC || index === undefined || offset === undefined || blocks === undefined) {
      throw new Error('a slot is damaged')
    }
    if (index === 0 && offset === 0 && blocks === 0) continue
    // A blob names its package, so no two slots lead to the same one.
    if (index === 0 || seen.has(index)) throw new Error('a slot is damaged')
    seen.add(index)
    const [start, end] = [offset * BLOCK_BYTES, (offset + blocks) * BLOCK_BYTES]
    if (start < slotsEnd || end > bytes.length) throw new Error('it is cut off')
    used.push([start, end])
    yield contentOf(bytes.subarray(start, end), index)
  }
  checkFree(bytes, slotsEnd, used)
}

/** rpm fills with zeros what it frees, and checks for them before it uses it: anything else is a package that no slot leads to. */
function checkFree(bytes: Buffer, from: number, used: (readonly [start: number, end: number])[]): void {
  let at = from
  for (const [start, end] of [...used.sort(([a], [b]) => a - b), [bytes.length, bytes.length] as const]) {
    if (start < at) throw new Error('two packages lie in the same place')
    for (; at < start; at += PAGE_BYTES) {
      const free = bytes.subarray(at, Math.min(at + PAGE_BYTES, start))
      if (!free.equals(ZEROS.subarray(0, free.length))) throw new Error('it has a package that no slot leads to')
    }
    at = end
  }
}

const ZEROS = Buffer.alloc(PAGE_BYTES)

function endOfSlots(bytes: Buffer): number {
  const [version, slotPages] = [bytes.readUInt32LE(4), bytes.readUInt32LE(12)]
  const end = slotPages * PAGE_BYTES
  if (version !== 0) throw new Error('it is of another version than is known')
  if (slotPages === 0 || end > bytes.length) throw new Error('it is cut off')
  const goesOn = end + 4 <= bytes.length && bytes.readUInt32LE(end) === SLOT_MAGIC
  if (goesOn) throw new Error('it has more slots than it says')
  return end
}

function contentOf(blob: Buffer, index: number): Buffer {
  if (blob.length < HEAD_BYTES + TAIL_BYTES) throw new Error('a package is shorter than its ends')
  const length = blob.readUInt32LE(12)
  const tail = blob.length - TAIL_BYTES
  const isWhole =
    blob.readUInt32LE(0) === HEAD_MAGIC &&
    blob.readUInt32LE(4) === index &&
    blob.readUInt32LE(tail + 4) === length &&
    blob.readUInt32LE(tail + 8) === TAIL_MAGIC
  const blocks = Math.ceil((HEAD_BYTES + length + TAIL_BYTES) / BLOCK_BYTES)
  if (!isWhole || blocks * BLOCK_BYTES !== blob.length) throw new Error('a package is not where it should be')
  if (adler32(blob.subarray(0, tail)) !== blob.readUInt32LE(tail)) throw new Error("a package's checksum is wrong")
  return blob.subarray(HEAD_BYTES, HEAD_BYTES + length)
}

/** Source: RFC 1950, 8.2; reduced once in 3,800 bytes, before the sums leave 32 bits. */
function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0]
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(at + 3_800, bytes.length)
    for (; at < end; at += 1) {
      a += bytes[at] ?? 0
      b += a
    }
    a %= 65_521
    b %= 65_521
  }
  return b * 65_536 + a
}
