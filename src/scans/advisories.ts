import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { DomainError } from '../domain/error.ts'
import type { Reader, Transaction } from '../metadata/metadata-store.ts'
import type { ActiveSnapshot } from '../metadata/tables/advisory-snapshots.ts'
import {
  abandonSnapshot,
  activateSnapshot,
  activeSnapshot,
  addChanges,
  addSnapshotPart,
  beginSnapshot,
  forgetDeadRematches,
  isRematchLost,
  snapshotPart,
  snapshotState,
} from '../metadata/tables/advisory-snapshots.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { ScansDeps, SnapshotChanges } from './deps.ts'
import { rematchJob } from './jobs.ts'
import { pack } from './packed.ts'

/** What differs from the snapshot with that id; null: everything may, and there was none. */
interface KnownChanges {
  readonly after: string | null
  readonly changes: SnapshotChanges | null
  /** Written with it, when it comes into force: nobody sees one without the other, also where a process dies. */
  readonly also: (sql: Transaction) => Promise<void>
}

type Opened = AdvisoryIndex & Partial<Disposable>

/** Of the file, before it is compressed: one row each. */
const PART_BYTES = 1024 * 1024
const MAX_PART_BYTES = 2 * PART_BYTES
/** So long after a newer one came into force nobody begins to read an earlier one. */
const TIDY_AFTER_MS = 10 * 60_000
/** A re-evaluation that was given up rests for so long. */
const LOST_MS = 3_600_000
/** No import takes so long. */
const ABANDONED_MS = 24 * 3_600_000

const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)]

/**
 * What the world knows, the same on every node: the active snapshot lies in the database in parts (it is public data), and each
 * node unpacks it to a file of its own, from which it is read.
 */
export class Advisories {
  readonly #deps: Pick<ScansDeps, 'metadata' | 'openSnapshot' | 'diffSnapshots' | 'cacheDirectory'>
  #open: Opened | null = null
  /** What counted before, for who still judges by it. */
  #earlier: Opened | null = null
  /** What the folder named when it was looked at last. */
  #followed = ''
  /** What was in force when earlier files were removed. */
  #tidied = ''

  constructor(deps: Pick<ScansDeps, 'metadata' | 'openSnapshot' | 'diffSnapshots' | 'cacheDirectory'>) {
    this.#deps = deps
  }

  /** The active one; null: none was ever installed. @throws `unavailable` when its content is not there. */
  async current(): Promise<AdvisoryIndex | null> {
    const active = await this.#deps.metadata.read(activeSnapshot)
    if (active === null) return null
    if (this.#open?.info.id === active.id) return this.#open
    const path = await this.#unpacked(active.id)
    const opened = this.#deps.openSnapshot(path)
    this.#earlier?.[Symbol.dispose]?.()
    this.#earlier = this.#open
    this.#open = opened
    return this.#open
  }

  /** The active one as a file of this node; null: none was ever installed. @throws like `current` */
  async currentFile(): Promise<{ readonly id: string; readonly path: string } | null> {
    const active = await this.#deps.metadata.read(activeSnapshot)
    return active && { id: active.id, path: await this.#unpacked(active.id) }
  }

  /**
   * Makes a finished snapshot file the one that counts, everywhere and at once, and has the images re-evaluated that it concerns.
   * `known`: what differs from the one with that id, when somebody found that out already; it is installed after that one only.
   * @returns false when it is the active one already, or another process installs it just now. @throws `conflict`
   */
  async install(path: string, known?: KnownChanges) {
    const { metadata } = this.#deps
    const snapshot = this.#deps.openSnapshot(path)
    const { id, createdAt, sources } = snapshot.info
    const by = { id, writer: randomUUID() }
    try {
      if ((await metadata.read((sql) => snapshotState(sql, id))) === 'active') return false
      const begun = await metadata.transact((sql) =>
        beginSnapshot(sql, { ...by, createdAt, sources: JSON.stringify(sources) }),
      )
      if (!begun) return false
      await this.#store(by, path)
      await this.#keepLocal(id, path)
      while (!(await this.#activate(by, path, known)));
      return true
    } finally {
      snapshot[Symbol.dispose]?.()
      await metadata.transact((sql) => abandonSnapshot(sql, by)).catch(() => {}) // the next one removes it
    }
  }

  /** Null also when its content is gone: then everything is new. */
  async #before(): Promise<AdvisoryIndex | null> {
    return await this.current().catch((error: unknown) => {
      if (error instanceof DomainError && error.kind === 'unavailable') return null
      throw error
    })
  }

  /**
   * Installs what `entrepot advisories import` made the newest in this node's folder, and keeps there what is in force: of nodes with
   * folders of their own the one made last counts.
   */
  async follow(): Promise<boolean> {
    const named = await this.#named()
    let installed = false
    if (named !== null && named !== this.#followed) {
      const before = await this.#deps.metadata.read(activeSnapshot)
      const isNewer = before === null || before.created_at < (await this.#createdAt(named))
      installed = isNewer && (await this.install(this.#pathOf(named)))
    }
    const active = await this.#deps.metadata.read(activeSnapshot)
    if (active !== null) await this.#mirror(active, named)
    if (active?.is_rematched === 0) await this.#askAgain(active.id)
    return installed
  }

  /** Images that should have been judged by it and were not must not stay so, whatever became of the job. */
  async #askAgain(id: string): Promise<void> {
    const isLost = (sql: Reader) => isRematchLost(sql, { id, before: sql.now() - LOST_MS })
    if (!(await this.#deps.metadata.read(isLost))) return
    await this.#deps.metadata.transact(async (sql) => {
      if ((await activeSnapshot(sql))?.id !== id || !(await isLost(sql))) return
      await forgetDeadRematches(sql)
      await insertJob(sql, rematchJob(id))
    })
  }

  [Symbol.dispose](): void {
    for (const opened of [this.#open, this.#earlier]) opened?.[Symbol.dispose]?.()
    this.#open = null
    this.#earlier = null
  }

  /** What the folder says counts; null: nothing. */
  async #named(): Promise<string | null> {
    const name = await readFile(this.#pointer, 'utf8').catch(() => '')
    return /^[0-9a-f]{64}\n$/.test(name) ? name.trim() : null
  }

  /**
   * The folder has what is in force, for commands at this machine to build upon; files of earlier ones go. An import that is newer and
   * is being installed by another process stays what the folder says.
   */
  async #mirror({ id, created_at, installed_at }: ActiveSnapshot, named: string | null): Promise<void> {
    const name = bare(id)
    if (named !== name) {
      if (named !== null && (await this.#createdAt(named)) > created_at) return
      await this.#unpacked(id)
      const aside = `${this.#pointer}.${randomUUID()}`
      await writeFile(aside, `${name}\n`, { mode: 0o600 })
      await rename(aside, this.#pointer)
    }
    this.#followed = name
    const now = await this.#deps.metadata.read(async (sql) => sql.now())
    if (now - installed_at > TIDY_AFTER_MS) await this.#tidy(name, now)
  }

  /** What cannot be opened is older than anything. */
  async #createdAt(name: string): Promise<number> {
    try {
      const snapshot = this.#deps.openSnapshot(this.#pathOf(name))
      const { createdAt } = snapshot.info
      snapshot[Symbol.dispose]?.()
      return createdAt
    } catch {
      return 0
    }
  }

  /** Nobody opens these by their names any more; who has them open keeps them. */
  async #tidy(kept: string, now: number): Promise<void> {
    if (this.#tidied === kept) return
    this.#tidied = kept
    for (const entry of await readdir(this.#deps.cacheDirectory, { withFileTypes: true })) {
      const path = join(this.#deps.cacheDirectory, entry.name)
      const isOurs = /^[0-9a-f-]{36,64}\.db$|^\.building-|^active\./.test(entry.name)
      if (!isOurs || entry.name === `${kept}.db`) continue
      const { mtimeMs = now } = (await stat(path).catch(() => null)) ?? {}
      const age = entry.isDirectory() ? ABANDONED_MS : TIDY_AFTER_MS
      if (now - mtimeMs > age) await rm(path, { recursive: true, force: true })
    }
  }

  /** @returns false: others came into force meanwhile, and what differs from those is another question. @throws `conflict` */
  async #activate(
    by: { readonly id: string; readonly writer: string },
    path: string,
    known: KnownChanges | undefined,
  ): Promise<boolean> {
    const from = (await this.#deps.metadata.read(activeSnapshot))?.id ?? null
    const before = await this.#before()
    if (before !== null && before.info.id !== from) return false
    if (known && known.after !== from) throw overtaken()
    const changes = known ? known.changes : before && this.#deps.diffSnapshots(this.#pathOf(before.info.id), path)
    const told = before && changes && withNewEcosystems(changes.packages, before)
    return await this.#deps.metadata.transact(async (sql) => {
      if (((await activeSnapshot(sql))?.id ?? null) !== from) return false
      if (!(await activateSnapshot(sql, by))) throw takenAway()
      await addChanges(sql, { from, to: by.id, changes: told && pack(told) })
      await insertJob(sql, rematchJob(by.id))
      await known?.also(sql)
      return true
    })
  }

  async #store(by: { readonly id: string; readonly writer: string }, path: string): Promise<void> {
    let position = 0
    for await (const chunk of createReadStream(path, { highWaterMark: PART_BYTES })) {
      const part = { ...by, position, content: await compress(chunk as Buffer) }
      if (!(await this.#deps.metadata.transact((sql) => addSnapshotPart(sql, part), { durable: false })))
        throw takenAway()
      position += 1
    }
  }

  async #keepLocal(id: string, path: string): Promise<void> {
    const own = this.#pathOf(id)
    if (own === path) return
    await mkdir(this.#deps.cacheDirectory, { recursive: true })
    const aside = this.#pathOf(randomUUID())
    await copyFile(path, aside)
    await rename(aside, own)
  }

  async #unpacked(id: string): Promise<string> {
    const path = this.#pathOf(id)
    if (await exists(path)) return path
    await mkdir(this.#deps.cacheDirectory, { recursive: true })
    const aside = this.#pathOf(randomUUID())
    try {
      await this.#writeParts(id, aside)
      await rename(aside, path)
      return path
    } finally {
      await rm(aside, { force: true })
    }
  }

  async #writeParts(id: string, path: string): Promise<void> {
    await using file = await open(path, 'wx', 0o600)
    for (let position = 0; ; position += 1) {
      const content = await this.#deps.metadata.read((sql) => snapshotPart(sql, id, position))
      if (content === null && position === 0)
        throw new DomainError('unavailable', 'the advisories are not here any more: import them anew')
      if (content === null) break
      await file.write(await decompress(content, { maxOutputLength: MAX_PART_BYTES }))
    }
    if ((await this.#deps.metadata.read((sql) => snapshotState(sql, id))) !== 'active')
      throw new DomainError('unavailable', 'other advisories came into force meanwhile')
  }

  get #pointer(): string {
    return join(this.#deps.cacheDirectory, 'active')
  }

  #pathOf(id: string): string {
    return join(this.#deps.cacheDirectory, `${bare(id)}.db`)
  }
}

function bare(id: string): string {
  return id.replace(/^sha256:/, '')
}

function overtaken(): DomainError {
  return new DomainError('conflict', 'other advisories were imported meanwhile')
}

function takenAway(): DomainError {
  return new DomainError('conflict', 'another process has taken over: it took too long to write the advisories')
}

/** Where there was nothing at all for an ecosystem, everything of it is judged anew. */
function withNewEcosystems(packages: SnapshotChanges['packages'], before: AdvisoryIndex): SnapshotChanges {
  const ecosystems = [...new Set(packages.map(({ ecosystem }) => ecosystem))]
  const fresh = new Set(ecosystems.filter((ecosystem) => !before.hasEcosystem(ecosystem)))
  const known = packages
    .filter(({ ecosystem }) => !fresh.has(ecosystem))
    .map(({ ecosystem, name }) => ({ ecosystem, name }))
  return { packages: [...known, ...[...fresh].map((ecosystem) => ({ ecosystem, name: '*' }))] }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
