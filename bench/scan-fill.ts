import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MetadataStore } from '../src/metadata/metadata-store.ts'
import { openPostgres } from '../src/metadata/postgres.ts'
import { literal } from '../src/metadata/sql.ts'
import { openSqlite } from '../src/metadata/sqlite.ts'
import { diffSnapshots } from '../src/scanner/advisories/diff-snapshots.ts'
import { openSnapshot } from '../src/scanner/advisories/open-snapshot.ts'
import { Advisories } from '../src/scans/advisories.ts'
import type { ScansDeps } from '../src/scans/deps.ts'
import { judge } from '../src/scans/judge.ts'
import { fillImages, namesIn } from './scan-dataset.ts'

/** What a process of its own is told: the images are made in one, so that whoever is measured did not grow by that. */
export interface FillTask {
  /** A path or a URL. */
  readonly database: { readonly engine: 'SQLite' | 'PostgreSQL'; readonly at: string }
  readonly cacheDirectory: string
  /** The advisories that they are judged by. */
  readonly snapshot: string
  /** In whose names they are, as far as they go: those of the given advisories. */
  readonly given: string
  readonly images: number
}

export function fillInItsOwnProcess(task: FillTask): void {
  const program = fileURLToPath(import.meta.url)
  execFileSync(process.execPath, ['--max-old-space-size=1000', program, JSON.stringify(task)], { stdio: 'inherit' })
}

export function depsOf(metadata: MetadataStore, cacheDirectory: string) {
  const files = { metadata, openSnapshot, diffSnapshots, cacheDirectory }
  const nobody = () => Promise.reject(new Error('nothing is read here'))
  return {
    ...files,
    advisories: new Advisories(files),
    openBlob: nobody,
    readManifest: nobody,
    readLayer: nobody,
    prepareToRead: nobody,
    isBusy: nobody,
  } as unknown as ScansDeps & { readonly advisories: Advisories }
}

/**
 * A batch of copies touches nearly every page of the indexes by package and by name, however small it is: as few batches as possible,
 * each held in memory until it is written.
 */
const WRITER_CACHE_KIB = 800 * 1024

async function fill({ database, cacheDirectory, snapshot, given, images }: FillTask): Promise<void> {
  const { engine, at } = database
  await using metadata = await (engine === 'SQLite' ? openSqlite({ path: at }) : openPostgres({ url: at }))
  if (engine === 'SQLite')
    await metadata.transact(async (sql) => void (await sql.run`PRAGMA cache_size = ${literal(`-${WRITER_CACHE_KIB}`)}`))
  const deps = depsOf(metadata, cacheDirectory)
  using advisories = deps.advisories
  await advisories.install(snapshot)
  using index = openSnapshot(given)
  await fillImages(metadata, namesIn(index), images, (subject, evidence) => judge(deps, subject, evidence))
}

if (import.meta.main) await fill(JSON.parse(process.argv[2] ?? '') as FillTask)
