import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SnapshotInfo } from './advisory-index.ts'
import type { FileReport } from './file-tally.ts'
import { FileTally } from './file-tally.ts'
import { filesAt } from './files-at.ts'
import { ImportError, NotAdvisories } from './import-error.ts'
import { openSnapshot } from './open-snapshot.ts'
import { createTables, fillTables, takeOver } from './snapshot-tables.ts'
import type { Database } from './sqlite-file.ts'
import { attachUnchanging, createFile } from './sqlite-file.ts'
import { STAGING_TABLES, Staging } from './staging.ts'
import { takeFile } from './take-file.ts'

export interface ImportOptions {
  /** Files and folders, in the order in which they count: of two files that say different things without a date, the later wins. */
  readonly paths: readonly string[]
  /** The snapshot to build upon; null: none. */
  readonly base: string | null
  /** Where the new one goes, as `<id without sha256:>.db`; also for the temporary files. */
  readonly folder: string
  /** Milliseconds UTC. */
  readonly now: number
  /** A file that is refused does not fail the whole. */
  readonly keepGoing?: boolean
  readonly onFile?: (report: FileReport) => void
  readonly signal?: AbortSignal
}

export interface ImportResult {
  /** Null: a file was refused, and there is no new snapshot. */
  readonly snapshot: { readonly path: string; readonly info: SnapshotInfo } | null
  readonly files: readonly FileReport[]
}

/** Builds a snapshot aside and puts it into `folder` when it is whole. The same input on the same base gives the same id. */
export async function importAdvisories(options: ImportOptions): Promise<ImportResult> {
  const { folder, now } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const aside = join(folder, `.building-${process.pid}-${Math.random().toString(36).slice(2)}`)
  mkdirSync(aside, { mode: 0o700 })
  try {
    const database = createFile(join(aside, 'snapshot.db'))
    let id: string | null
    const files: FileReport[] = []
    try {
      id = await build(database, join(aside, 'staging.db'), options, files)
    } finally {
      database.close()
    }
    if (id === null) return { snapshot: null, files }
    const path = join(folder, `${id.slice('sha256:'.length)}.db`)
    renameSync(join(aside, 'snapshot.db'), path)
    using index = openSnapshot(path)
    return { snapshot: { path, info: { ...index.info, createdAt: now } }, files }
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

async function build(
  database: Database,
  stagingPath: string,
  options: ImportOptions,
  files: FileReport[],
): Promise<string | null> {
  createTables(database)
  database.prepare('ATTACH ? AS s').run(stagingPath)
  // Larger pages: rows are long, and each is written once and read once.
  database.exec(
    `PRAGMA s.page_size = 32768; PRAGMA s.synchronous = OFF; PRAGMA s.journal_mode = TRUNCATE; PRAGMA s.cache_size = -65536; ${STAGING_TABLES}`,
  )
  if (options.base !== null) {
    if (!statSync(options.base, { throwIfNoEntry: false })?.isFile())
      throw new ImportError(`there is no snapshot ${options.base}`)
    attachUnchanging(database, 'base', options.base)
    takeOver(database)
  }
  database.exec('BEGIN')
  const staging = new Staging(database, options.now)
  const isWhole = await takeAll(staging, options, files)
  database.exec('COMMIT')
  return isWhole ? fillTables(database, options.now) : null
}

/** @returns false: a file was refused and that ends the import. */
async function takeAll(staging: Staging, options: ImportOptions, files: FileReport[]): Promise<boolean> {
  let refused = 0
  for await (const { path, passedOver } of filesAt(options.paths)) {
    options.signal?.throwIfAborted()
    const report = passedOver === null ? await takeOne(staging, path) : new FileTally().report(path, { passedOver })
    files.push(report)
    options.onFile?.(report)
    if (report.refused !== null) refused++
  }
  const taken = files.some(({ refused, passedOver }) => refused === null && passedOver === null)
  return taken && (refused === 0 || options.keepGoing === true)
}

async function takeOne(intake: Staging, path: string): Promise<FileReport> {
  const tally = new FileTally()
  intake.beginFile()
  try {
    await takeFile(path, { intake, tally })
    intake.keepFile()
    return tally.report(path)
  } catch (error) {
    intake.undoFile()
    if (error instanceof NotAdvisories) return tally.report(path, { passedOver: error.message })
    if (error instanceof ImportError) return tally.report(path, { refused: error.message })
    if (isFileError(error)) return tally.report(path, { refused: `it cannot be read (${error.code})` })
    throw error
  }
}

function isFileError(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error && 'code' in error && /^(ENOENT|EACCES|EPERM|EISDIR|EIO|ELOOP)$/.test(String(error.code))
  )
}
