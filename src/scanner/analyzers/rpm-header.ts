import { createHash } from 'node:crypto'
import type { OsDatabase } from './os-database.ts'
import { word } from './os-database.ts'
import { sourceOfRpm } from './rpm-source.ts'

/** Source: rpm's include/rpm/rpmtag.h. */
const TAG = {
  image: 61,
  immutable: 63,
  sha1: 269,
  sha256: 273,
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  oldFileNames: 1027,
  fileModes: 1030,
  sourceRpm: 1044,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
  modularityLabel: 5096,
} as const
const WANTED: ReadonlySet<number> = new Set(Object.values(TAG))
const TYPE = { int16: 3, int32: 4, string: 6, bytes: 7, stringArray: 8, translated: 9 } as const
/** Bytes of a value of each type; null: strings. And of which they are multiples of in the data. Source: rpm's lib/header.c. */
const SIZE_OF_TYPE: readonly (number | null)[] = [0, 1, 1, 2, 4, 8, null, 1, null, null]

/** Source: rpm's lib/header.c, HEADER_TAGS_MAX; a header ends where its data ends, to the byte. */
const MAX_ENTRIES = 0xffff
const ENTRY_BYTES = 16
const MAGIC = Buffer.from('8eade80100000000', 'hex')
/** Enough for a package of 100,000 files. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024
/** Kernel sources have some 10,000. */
const MAX_DIRECTORIES = 100_000
/** Of a text no more than this is decoded: no name and no path is longer. */
const MAX_TEXT_BYTES = 8 * 1024
const DIRECTORY = 0o040000
const KIND_OF_FILE = 0o170000

/** Adds the package whose header this is, and the files it owns. @throws if the header is damaged. */
export function addRpm(database: OsDatabase, blob: Buffer): void {
  const header = new RpmHeader(blob)
  const name = word(header.string(TAG.name), 'name')
  if (name === 'gpg-pubkey') return
  const epoch = header.integer(TAG.epoch, 0)
  const prefix = epoch === undefined ? '' : `${epoch}:`
  const version = word(header.string(TAG.version), `version (${name})`)
  const release = word(header.string(TAG.release), `release (${name})`)
  const [architecture, module, sourceRpm] = [
    header.string(TAG.architecture),
    header.string(TAG.modularityLabel),
    header.string(TAG.sourceRpm),
  ]
  database.add({
    name,
    version: word(`${prefix}${version}-${release}`, `version (${name})`),
    architecture: architecture === undefined ? null : word(architecture, `architecture (${name})`),
    source: sourceRpm === undefined ? null : sourceOfRpm(sourceRpm, prefix),
    module: module === undefined || module === '' ? null : word(module, `module (${name})`),
  })
  for (const path of filesOf(header)) if (!database.own(path)) break
}

/** Directories are left out. Names that are not there, or not in a form that says which, own nothing. */
function* filesOf(header: RpmHeader): Generator<string> {
  const isDirectory = (file: number): boolean =>
    ((header.integer(TAG.fileModes, file) ?? 0) & KIND_OF_FILE) === DIRECTORY
  let file = 0
  for (const path of header.strings(TAG.oldFileNames)) {
    if (!isDirectory(file)) yield path
    file += 1
  }
  const directories = [...header.strings(TAG.directoryNames, MAX_DIRECTORIES)]
  file = 0
  for (const base of header.strings(TAG.baseNames)) {
    const directory = directories[header.integer(TAG.directoryIndexes, file) ?? -1]
    if (directory !== undefined && !isDirectory(file)) yield directory + base
    file += 1
  }
}

interface Entry {
  readonly type: number
  readonly offset: number
  readonly count: number
}

/**
 * The header of an installed package: an index of tags and their data, in network byte order. Source: rpm's docs/manual/format_header.md
 * and hregions.md. Its digest, which rpm too checks whenever it reads one, tells damage that its form does not.
 */
class RpmHeader {
  readonly #data: Buffer
  readonly #entries = new Map<number, Entry>()

  constructor(blob: Buffer) {
    if (blob.length < 8) throw new Error('a package has a header of less than 8 bytes')
    if (blob.length > MAX_HEADER_BYTES) throw new Error(`a package has a header of more than ${MAX_HEADER_BYTES} bytes`)
    const [entries, dataBytes] = [blob.readUInt32BE(0), blob.readUInt32BE(4)]
    if (entries < 1 || entries > MAX_ENTRIES || 8 + entries * ENTRY_BYTES + dataBytes !== blob.length) {
      throw new Error("a package's header has another length than it says")
    }
    this.#data = blob.subarray(8 + entries * ENTRY_BYTES)
    for (let at = 8; at < 8 + entries * ENTRY_BYTES; at += ENTRY_BYTES) this.#index(blob, at)
    this.#checkDigest(blob, entries)
  }

  string(tag: number): string | undefined {
    for (const text of this.strings(tag)) return text
    return undefined
  }

  /** @throws if there are more than `most`. */
  *strings(tag: number, most = Number.POSITIVE_INFINITY): Generator<string> {
    const entry = this.#entries.get(tag)
    if (entry === undefined) return
    if (entry.type < TYPE.string || entry.type === TYPE.bytes) throw new Error(`a package's tag ${tag} is no text`)
    if (entry.count > most) throw new Error(`a package's tag ${tag} has more than ${most} texts`)
    let at = entry.offset
    for (let left = entry.type === TYPE.string ? 1 : entry.count; left > 0; left -= 1) {
      const end = this.#data.indexOf(0, at)
      if (end < 0) throw new Error(`a package's tag ${tag} has no end`)
      yield this.#data.toString('utf8', at, Math.min(end, at + MAX_TEXT_BYTES))
      at = end + 1
    }
  }

  /** Undefined: the tag is not there, or has fewer. */
  integer(tag: number, index: number): number | undefined {
    const entry = this.#entries.get(tag)
    if (entry === undefined || index >= entry.count) return undefined
    const bytes = SIZE_OF_TYPE[entry.type]
    if (bytes !== 2 && bytes !== 4) throw new Error(`a package's tag ${tag} is no number`)
    return this.#data.readUIntBE(entry.offset + index * bytes, bytes)
  }

  #index(blob: Buffer, at: number): void {
    const [tag, type] = [blob.readUInt32BE(at), blob.readUInt32BE(at + 4)]
    const [offset, count] = [blob.readInt32BE(at + 8), blob.readUInt32BE(at + 12)]
    const size = SIZE_OF_TYPE[type]
    const isWithin = offset >= 0 && offset + count * (size ?? 1) <= this.#data.length
    const isAligned = !size || type === TYPE.bytes || offset % size === 0
    if (size === undefined || !isWithin || !isAligned) throw new Error(`a package's tag ${tag} is outside its header`)
    // What rpm itself added on installation comes behind the package's own tags.
    if (WANTED.has(tag) && !this.#entries.has(tag)) this.#entries.set(tag, { type, offset, count })
  }

  #checkDigest(blob: Buffer, entries: number): void {
    const [tag, region] = [blob.readUInt32BE(8), this.#entries.get(blob.readUInt32BE(8))]
    const [sha256, sha1] = [this.string(TAG.sha256), this.string(TAG.sha1)]
    if (tag !== TAG.immutable || region === undefined) {
      if (sha256 !== undefined || sha1 !== undefined) throw new Error("a package's header has a digest of nothing")
      return
    }
    if (region.type !== TYPE.bytes || region.count !== ENTRY_BYTES) throw new Error("a package's header has no region")
    const ownEntries = -this.#data.readInt32BE(region.offset + 8) / ENTRY_BYTES
    if (!Number.isInteger(ownEntries) || ownEntries < 1 || ownEntries > entries) {
      throw new Error("a package's header has a region of another size")
    }
    const lengths = Buffer.alloc(8)
    const dataBytes = region.offset + ENTRY_BYTES
    lengths.writeUInt32BE(ownEntries, 0)
    lengths.writeUInt32BE(dataBytes, 4)
    const parts = [MAGIC, lengths, blob.subarray(8, 8 + ownEntries * ENTRY_BYTES), this.#data.subarray(0, dataBytes)]
    if (sha256 !== undefined) checkDigest('sha256', parts, sha256)
    else if (sha1 !== undefined) checkDigest('sha1', parts, sha1)
  }
}

function checkDigest(algorithm: 'sha256' | 'sha1', parts: readonly Buffer[], want: string): void {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  if (hash.digest('hex') !== want) throw new Error("a package's header is not what its digest says")
}
