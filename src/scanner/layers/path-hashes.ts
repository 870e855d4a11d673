const BYTES = 8
const SLASH = 47

/** The paths of a layer, eight bytes each: enough to know whether one of its entries hides something of a layer below. */
export class PathHashes {
  #hashes = new BigUint64Array(1024)
  #count = 0

  add(path: string): void {
    if (this.#count === this.#hashes.length) {
      const grown = new BigUint64Array(2 * this.#count)
      grown.set(this.#hashes)
      this.#hashes = grown
    }
    somePrefix(path, (end, high, low) => {
      if (end === path.length) this.#hashes[this.#count] = (BigInt(high) << 32n) | BigInt(low)
      return false
    })
    this.#count += 1
  }

  /** Sorted, in base64. */
  toString(): string {
    const sorted = this.#hashes.slice(0, this.#count).sort()
    const bytes = Buffer.allocUnsafe(sorted.length * BYTES)
    for (let index = 0; index < sorted.length; index += 1) bytes.writeBigUInt64BE(sorted[index] ?? 0n, index * BYTES)
    return bytes.toString('base64')
  }
}

export type IsThere = (high: number, low: number) => boolean

/** Looks hashes up in what `PathHashes` wrote. */
export function pathLookup(written: string): IsThere {
  const bytes = Buffer.from(written, 'base64')
  const count = Math.floor(bytes.length / BYTES)
  const [highs, lows] = [new Uint32Array(count), new Uint32Array(count)]
  for (let index = 0; index < count; index += 1) {
    highs[index] = bytes.readUInt32BE(index * BYTES)
    lows[index] = bytes.readUInt32BE(index * BYTES + 4)
  }
  return (high, low) => {
    let [from, to] = [0, count]
    while (from < to) {
      const middle = (from + to) >> 1
      const here = highs[middle] ?? 0
      if (here < high || (here === high && (lows[middle] ?? 0) < low)) from = middle + 1
      else to = middle
    }
    return from < count && highs[from] === high && lows[from] === low
  }
}

/** The same of a list. */
export function lookupOf(paths: readonly string[]): IsThere {
  const hashes = new PathHashes()
  for (const path of paths) hashes.add(path)
  return pathLookup(hashes.toString())
}

/**
 * Whether `is` holds for one of `a`, `a/b`, `a/b/c`, given where each ends and its hash of 64 bits. In one pass, whatever the depth: whoever
 * made the image chose the paths, and every file is asked for in every layer above. They could make two paths with one hash, and would
 * hide something of their own, as they can with a whiteout.
 */
export function somePrefix(path: string, is: (end: number, high: number, low: number) => boolean): boolean {
  let [high, low] = [0x811c9dc5, 0x2545f491]
  for (let at = 0; at <= path.length; at += 1) {
    const code = at < path.length ? path.charCodeAt(at) : SLASH
    if (code === SLASH && at > 0 && is(at, mixed(high), mixed(low ^ at))) return true
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul((low << 13) | (low >>> 19), 5) + Math.imul(code + 1, 0xcc9e2d51)
  }
  return false
}

/** Every bit of the result depends on every bit. Source: MurmurHash3, fmix32. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
