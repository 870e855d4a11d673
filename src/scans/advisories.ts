import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { DomainError } from '../domain/error.ts'
import {
  activateSnapshot,
  activeSnapshot,
  addSnapshotPart,
  beginSnapshot,
  snapshotPart,
  snapshotState,
} from '../metadata/tables/advisory-snapshots.ts'
import { insertJob } from '../metadata/tables/job-queue.ts'
import type { AdvisoryIndex } from '../scanner/advisories/advisory-index.ts'
import type { ScansDeps, SnapshotChanges } from './deps.ts'
import { rematchJob } from './jobs.ts'
import { pack } from './packed.ts'

type Opened = AdvisoryIndex & Partial<Disposable>

/** Of the file, before it is compressed: one row each. */
const PART_BYTES = 1024 * 1024
const MAX_PART_BYTES = 2 * PART_BYTES

/**
 * What the world knows, the same on every node: the active snapshot lies in the database in parts (it is public data), and each
 * node unpacks it to a file of its own, from which it is read.
 */
export class Advisories {
  readonly #deps: Pick<ScansDeps, 'metadata' | 'openSnapshot' | 'diffSnapshots' | 'cacheDirectory'>
  #open: Opened | null = null
  /** What the folder named when it was looked at last. */
  #followed = ''

  constructor(deps: Pick<ScansDeps, 'metadata' | 'openSnapshot' | 'diffSnapshots' | 'cacheDirectory'>) {
    this.#deps = deps
  }

  /** The active one; null: none was ever installed. @throws `unavailable` when its content is not there. */
  async current(): Promise<AdvisoryIndex | null> {
    const active = await this.#deps.metadata.read(activeSnapshot)
    if (active === null) return null
    if (this.#open?.info.id === active.id) return this.#open
    const path = this.#pathOf(active.id)
    if (!(await exists(path))) await this.#unpack(active.id, path)
    const before = this.#open
    this.#open = this.#deps.openSnapshot(path)
    before?.[Symbol.dispose]?.()
    return this.#open
  }

  /**
   * Makes a finished snapshot file the one that counts, everywhere and at once, and has the images re-evaluated that it concerns.
   * @returns false when it is the active one already.
   */
  async install(path: string): Promise<boolean> {
    const { metadata } = this.#deps
    const snapshot = this.#deps.openSnapshot(path)
    const { id, createdAt, sources } = snapshot.info
    try {
      if ((await metadata.read((sql) => snapshotState(sql, id))) === 'active') return false
      const before = await this.current()
      const changes = before === null ? null : this.#changes(before, path)
      await metadata.transact((sql) => beginSnapshot(sql, { id, createdAt, sources: JSON.stringify(sources) }))
      await this.#store(id, path)
      await this.#keepLocal(id, path)
      await metadata.transact(async (sql) => {
        await activateSnapshot(sql, id, changes && pack(changes))
        await insertJob(sql, rematchJob(id))
      })
      return true
    } finally {
      snapshot[Symbol.dispose]?.()
    }
  }

  /**
   * Installs what `entrepot advisories import` made the newest in this node's folder. Of nodes with folders of their own the one
   * made last counts.
   */
  async follow(): Promise<boolean> {
    const name = await readFile(this.#pathOf('active', ''), 'utf8').catch(() => '')
    if (name === this.#followed || !/^[0-9a-f]{64}\n$/.test(name)) return false
    const path = this.#pathOf(name.trim(), '.db')
    const imported = this.#deps.openSnapshot(path)
    const { createdAt } = imported.info
    imported[Symbol.dispose]?.()
    const active = await this.#deps.metadata.read(activeSnapshot)
    const isNewer = active === null || active.created_at < createdAt
    const installed = isNewer && (await this.install(path))
    this.#followed = name
    return installed
  }

  [Symbol.dispose](): void {
    this.#open?.[Symbol.dispose]?.()
    this.#open = null
  }

  #changes(before: AdvisoryIndex, path: string): SnapshotChanges {
    const { packages } = this.#deps.diffSnapshots(this.#pathOf(before.info.id), path)
    return withNewEcosystems(packages, before)
  }

  async #store(id: string, path: string): Promise<void> {
    let position = 0
    for await (const chunk of createReadStream(path, { highWaterMark: PART_BYTES })) {
      const part = { id, position, content: zstdCompressSync(chunk as Buffer) }
      await this.#deps.metadata.transact((sql) => addSnapshotPart(sql, part), { durable: false })
      position += 1
    }
  }

  async #keepLocal(id: string, path: string): Promise<void> {
    await mkdir(this.#deps.cacheDirectory, { recursive: true })
    const aside = this.#pathOf(randomUUID())
    await copyFile(path, aside)
    await rename(aside, this.#pathOf(id))
  }

  async #unpack(id: string, path: string): Promise<void> {
    await mkdir(this.#deps.cacheDirectory, { recursive: true })
    const aside = this.#pathOf(randomUUID())
    try {
      await this.#writeParts(id, aside)
      await rename(aside, path)
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
      await file.write(zstdDecompressSync(content, { maxOutputLength: MAX_PART_BYTES }))
    }
  }

  #pathOf(id: string, ending = '.advisories'): string {
    return join(this.#deps.cacheDirectory, `${id.replace(/^sha256:/, '')}${ending}`)
  }
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
