import { fstatSync, openSync, readSync, statSync } from 'node:fs'

/**
 * The header of SQLite's index of its log: two copies of 48 bytes, which name the last frame committed, its checksum and the log's salts.
 * Source: sqlite.org/walformat.html, 2.1 (The WAL-Index Header).
 */
const HEADER_BYTES = 96
const IS_INIT_AT = 12
/** After so long SQLite itself is asked, whatever the header says: no file system could keep a commit from us for longer. */
const TRUST_MS = 500

/**
 * Descriptors by device and inode, open for as long as the process lives: closing one would drop the locks that SQLite's connections of this
 * process hold on the file (POSIX advisory locks).
 */
const descriptors = new Map<string, number>()

/**
 * Tells with one system call, and no lock, whether anything has been committed. SQLite's own answer (`PRAGMA data_version`) takes two locks that
 * all processes compete for: a tenth of what a manifest costs.
 */
export class WalIndex {
  readonly #descriptor: number | null
  readonly #now: () => number
  #seen: Buffer = Buffer.alloc(HEADER_BYTES)
  #latest: Buffer = Buffer.alloc(HEADER_BYTES)
  #trustedUntil = 0

  /** @param path of the `-shm` file, which exists once a connection has read from the log. Linux only: elsewhere `stands` is always false. */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#descriptor = process.platform === 'linux' ? descriptorOf(path) : null
    this.#now = now
  }

  /** Whether nothing was committed since the look that `trust` followed. */
  stands(): boolean {
    if (this.#descriptor === null) return false
    try {
      if (readSync(this.#descriptor, this.#latest, 0, HEADER_BYTES, 0) !== HEADER_BYTES) this.#latest.fill(0)
    } catch {
      this.#latest.fill(0)
    }
    return this.#latest.equals(this.#seen) && this.#now() < this.#trustedUntil
  }

  /** The database was asked after `stands` said no: what it answered is at least as new as what was read then. */
  trust(): void {
    ;[this.#seen, this.#latest] = [this.#latest, this.#seen]
    this.#trustedUntil = this.#seen[IS_INIT_AT] === 1 ? this.#now() + TRUST_MS : 0
  }
}

/** null: it cannot be read, and SQLite is asked each time. */
function descriptorOf(path: string): number | null {
  try {
    const known = descriptors.get(keyOf(statSync(path)))
    if (known !== undefined) return known
    const descriptor = openSync(path, 'r')
    descriptors.set(keyOf(fstatSync(descriptor)), descriptor)
    return descriptor
  } catch {
    return null
  }
}

function keyOf({ dev, ino }: { dev: number; ino: number }): string {
  return `${dev}.${ino}`
}
