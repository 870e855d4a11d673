import { hash } from 'node:crypto'

const BYTES = 8

/** Which paths a layer has, eight bytes each: enough to know whether one of its entries hides something of a layer below. */
export class PathHashes {
  readonly #hashes: bigint[] = []

  add(path: string): void {
    this.#hashes.push(hash('sha256', path, 'buffer').readBigUInt64BE(0))
  }

  /** Sorted, in base64. */
  toString(): string {
    const sorted = BigUint64Array.from(this.#hashes).sort()
    const bytes = Buffer.allocUnsafe(sorted.length * BYTES)
    for (const [index, hash] of sorted.entries()) bytes.writeBigUInt64BE(hash, index * BYTES)
    return bytes.toString('base64')
  }
}

/** The two halves of a path's hash: as numbers they are compared four times as fast as one large integer. */
export interface PathHash {
  readonly high: number
  readonly low: number
}

export function pathHash(path: string): PathHash {
  const digest = hash('sha256', path, 'buffer')
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) }
}

/** Looks paths up in what `PathHashes` wrote. */
export function pathLookup(written: string): (wanted: PathHash) => boolean {
  const bytes = Buffer.from(written, 'base64')
  const count = Math.floor(bytes.length / BYTES)
  return ({ high, low }) => {
    let [from, to] = [0, count]
    while (from < to) {
      const middle = (from + to) >> 1
      const here = bytes.readUInt32BE(middle * BYTES)
      if (here < high || (here === high && bytes.readUInt32BE(middle * BYTES + 4) < low)) from = middle + 1
      else to = middle
    }
    const at = from * BYTES
    return from < count && bytes.readUInt32BE(at) === high && bytes.readUInt32BE(at + 4) === low
  }
}
