import { hash } from 'node:crypto'

const BYTES = 8

/** Which paths a layer has, eight bytes each: enough to know whether one of its entries hides something of a layer below. */
export class PathHashes {
  readonly #hashes: bigint[] = []

  add(path: string): void {
    this.#hashes.push(hashOf(path))
  }

  /** Sorted, in base64. */
  toString(): string {
    const sorted = BigUint64Array.from(this.#hashes).sort()
    const bytes = Buffer.allocUnsafe(sorted.length * BYTES)
    for (const [index, hash] of sorted.entries()) bytes.writeBigUInt64BE(hash, index * BYTES)
    return bytes.toString('base64')
  }
}

/** Looks paths up in what `PathHashes` wrote. */
export function pathLookup(written: string): (path: string) => boolean {
  const bytes = Buffer.from(written, 'base64')
  const count = Math.floor(bytes.length / BYTES)
  return (path) => {
    const wanted = hashOf(path)
    let [low, high] = [0, count]
    while (low < high) {
      const middle = (low + high) >> 1
      if (bytes.readBigUInt64BE(middle * BYTES) < wanted) low = middle + 1
      else high = middle
    }
    return low < count && bytes.readBigUInt64BE(low * BYTES) === wanted
  }
}

function hashOf(path: string): bigint {
  return hash('sha256', path, 'buffer').readBigUInt64BE(0)
}
