import { runDueJobs } from '../../src/jobs/queue.ts'
import type { MetadataStore, Transaction } from '../../src/metadata/metadata-store.ts'
import { openPostgres } from '../../src/metadata/postgres.ts'
import { openSqlite } from '../../src/metadata/sqlite.ts'
import { createScansOn } from '../../src/scans-of.ts'
import { NOTHING_FETCHED } from './scan-world.ts'
import { SNAPSHOT_FIXTURES } from './snapshot-fixture.ts'

// A process that re-evaluates as a server does, until it comes to the point at which it kills itself.

export interface Doom {
  /** Of the statement that it does not outlive. */
  readonly statement: string
  /** Which of these, from 1 on. */
  readonly time: number
  /** Before its transaction is committed, or right after that. */
  readonly when: 'within' | 'after'
}

export interface RematchTask {
  /** Path or URL of the database. */
  readonly at: string
  readonly directory: string
  readonly now: number
  readonly doom: Doom
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function doomed(metadata: MetadataStore, { statement, time, when }: Doom): MetadataStore {
  const transact = metadata.transact.bind(metadata)
  let seen = 0
  let isDue = false
  const watched = (sql: Transaction): Transaction =>
    new Proxy(sql, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name !== 'run' && name !== 'all' && name !== 'get') return member.bind(target) as unknown
        return async (texts: TemplateStringsArray, ...values: unknown[]) => {
          const result: unknown = await member.call(target, texts, ...values)
          if (texts.join('?').includes(statement)) seen += 1
          isDue ||= seen === time
          if (isDue && when === 'within') die()
          return result
        }
      },
    })
  metadata.transact = async (fn, options) => {
    const result = await transact((sql) => fn(watched(sql)), options)
    if (isDue) die()
    return result
  }
  return metadata
}

async function main({ at, directory, now, doom }: RematchTask): Promise<void> {
  const clock = () => now
  const open = at.startsWith('postgres') ? openPostgres({ url: at, now: clock }) : openSqlite({ path: at, now: clock })
  const metadata = doomed(await open, doom)
  const config = { data: directory, advisories: NOTHING_FETCHED }
  const scans = createScansOn(metadata, null as never, config, SNAPSHOT_FIXTURES) // nothing is read from a registry
  await runDueJobs(
    {
      ...{
        metadata,
        handlers: scans.handlers,
        lane: { only: 'rematch' },
        node: 'there',
        maxOfNode: 1,
        leaseMs: 60_000,
      },
      random: () => 0,
      onFailure: (_job, error) => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`),
    },
    new AbortController().signal,
  )
  process.exit(0)
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as RematchTask)
