import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { MetadataStore } from '../src/metadata/metadata-store.ts'
import { openPostgres } from '../src/metadata/postgres.ts'
import { openSqlite } from '../src/metadata/sqlite.ts'
import { importAdvisories } from '../src/scanner/advisories/import-advisories.ts'
import { openSnapshot } from '../src/scanner/advisories/open-snapshot.ts'
import type { Advisories } from '../src/scans/advisories.ts'
import type { ScansDeps } from '../src/scans/deps.ts'
import { rematch, rematchOne } from '../src/scans/rematch.ts'
import { startPostgres, stopPostgres } from '../test/support/postgres.ts'
import type { Name } from './scan-dataset.ts'
import { namesIn, writeDays } from './scan-dataset.ts'
import { depsOf, fillInItsOwnProcess } from './scan-fill.ts'
import type { ScanFigure, ScanOptions, ScanPart } from './scan-result.ts'

/** Names of packages whose advisories change in a day. */
const CHANGED = 300

export function rematchPart(images: number, goal: number | null): ScanPart {
  return {
    measure: async (options) => {
      const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-rematch-'))
      try {
        const days = await importDays(options, folder)
        const count = Math.max(1, Math.round(images * options.scale))
        const figures = await onSqlite(folder, days, count, goal)
        return options.postgres ? [...figures, ...(await onPostgres(folder, days, count))] : figures
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }
}

/** What was known on two days that follow each other. */
interface Days {
  readonly before: string
  readonly after: string
  /** Of whose packages the images are. */
  readonly given: string
}

async function importDays({ advisories }: ScanOptions, folder: string): Promise<Days> {
  const importOn = async (paths: readonly string[], base: string | null) => {
    const { snapshot } = await importAdvisories({ paths, base, folder, now: Date.now() })
    if (snapshot === null) throw new Error(`nothing could be imported from ${paths.join()}`)
    return snapshot.path
  }
  const given = await importOn([advisories], null)
  const names = namesOf(given)
  const step = Math.floor(names.length / CHANGED)
  const changed = names.filter((_, n) => n % step === 0).slice(0, CHANGED)
  const [first, second] = writeDays(changed, folder)
  const before = await importOn([first], given)
  const after = await importOn([second], before)
  return { before, after, given }
}

function namesOf(path: string): Name[] {
  using index = openSnapshot(path)
  return namesIn(index)
}

async function onSqlite(folder: string, days: Days, images: number, goal: number | null): Promise<ScanFigure[]> {
  const path = join(folder, 'entrepot.db')
  await using metadata = await openSqlite({ path, checkpoint: 'elsewhere' })
  await using checkpoints = new AsyncDisposableStack()
  const worker = new Worker(new URL('checkpoints.ts', import.meta.url), { workerData: path })
  checkpoints.defer(() => worker.terminate())
  const figures = await measureOn(metadata, 'SQLite', { folder, at: path, days, images, goal })
  const size = statSync(path).size / 1e6
  return [
    ...figures,
    { what: 'size of the database', of: `SQLite, ${thousands(images)} images`, value: size, unit: 'MB' },
  ]
}

async function onPostgres(folder: string, days: Days, images: number): Promise<ScanFigure[]> {
  try {
    await using database = await (await startPostgres()).createDatabase()
    await using metadata = await openPostgres({ url: database.url })
    return await measureOn(metadata, 'PostgreSQL', { folder, at: database.url, days, images, goal: null })
  } finally {
    await stopPostgres()
  }
}

interface Case {
  readonly folder: string
  /** Path or URL of the database. */
  readonly at: string
  readonly days: Days
  readonly images: number
  readonly goal: number | null
}

async function measureOn(metadata: MetadataStore, engine: 'SQLite' | 'PostgreSQL', one: Case): Promise<ScanFigure[]> {
  const { folder, days, images, goal, at } = one
  const cacheDirectory = join(folder, `cache of ${engine}`)
  const filling = performance.now()
  fillInItsOwnProcess({ database: { engine, at }, cacheDirectory, snapshot: days.before, given: days.given, images })
  process.stderr.write(`${engine}: ${images} images made in ${seconds(filling).toFixed(0)} s\n`)
  const deps = depsOf(metadata, cacheDirectory)
  using advisories = deps.advisories
  const installing = performance.now()
  await advisories.install(days.after)
  const installed = seconds(installing)
  const id = (await advisories.current())?.info.id ?? ''
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const [cpu, began, written] = [process.cpuUsage(), performance.now(), bytesWritten()]
  delay.enable()
  await rematch(deps, id, new AbortController().signal)
  delay.disable()
  const wall = seconds(began)
  const { user, system } = process.cpuUsage(cpu)
  const more = bytesWritten() - written
  const rematched = await count(metadata, id)
  await compareSome(metadata, deps, images)
  const of = `${engine}, ${thousands(images)} images of 400 packages, ${CHANGED} names: ${thousands(rematched)} concerned`
  return [
    { what: 're-evaluation', of, value: wall, unit: 's', ...(goal === null ? {} : { goal }) },
    { what: 're-evaluation, processor time of the process', of, value: (user + system) / 1e6, unit: 's' },
    { what: 're-evaluation, written to the log and from there to the database', of, value: more / 1e6, unit: 'MB' },
    { what: 'longest time in which the process answered nobody', of, value: delay.max / 1e6, unit: 'ms' },
    { what: 'the same, but for one in a hundred', of, value: delay.percentile(99) / 1e6, unit: 'ms' },
    { what: 'making the new advisories the ones that count', of: engine, value: installed, unit: 's' },
    {
      what: 'peak of the process',
      of,
      value: process.resourceUsage().maxRSS / 1024,
      unit: 'MB',
    },
  ]
}

/** By all threads; what PostgreSQL's own processes write is not in it. */
function bytesWritten(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
}

async function count(metadata: MetadataStore, snapshot: string): Promise<number> {
  const row = await metadata.read(
    (sql) => sql.get<{ n: number }>`SELECT COUNT(*) AS n FROM scans WHERE snapshot = ${snapshot}`,
  )
  return row?.n ?? 0
}

/** As a whole they are judged the same: what is fast must be right, too. */
async function compareSome(
  metadata: MetadataStore,
  deps: ScansDeps & { advisories: Advisories },
  images: number,
): Promise<void> {
  const read = (id: number) =>
    metadata.read(
      (sql) => sql.get<{
        status: string
        verdicts: string
        max: number
        tenths: number
        found: number
        entries: number
      }>`
        SELECT s.status, s.verdicts, c.max_severity AS max, c.score_tenths AS tenths, c.finding_count AS found,
               (SELECT COUNT(*) FROM scan_history h WHERE h.manifest_id = s.manifest_id) AS entries
          FROM scans s JOIN manifest_counters c ON c.manifest_id = s.manifest_id WHERE s.manifest_id = ${id}`,
    )
  for (let n = 0; n < 20; n += 1) {
    const id = 1 + Math.floor((n * images) / 20)
    const before = await read(id)
    await rematchOne(deps, id)
    const after = await read(id)
    const [one, other] = [before, after].map((row) =>
      JSON.stringify({
        ...row,
        verdicts: (JSON.parse(row?.verdicts ?? '[]') as [number, number][]).sort((a, b) => a[0] - b[0]),
      }),
    )
    if (one !== other) throw new Error(`image ${id} was judged differently as a whole: ${one} ${other}`)
  }
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000
}

function thousands(count: number): string {
  return count.toLocaleString('en-US')
}
