import { removeLongExpiredTokens, removeSpentCredentials } from './auth/sweep-credentials.ts'
import type { Schedule } from './jobs/schedules.ts'
import type { MetadataStore, Transaction } from './metadata/metadata-store.ts'
import { markAllUsageStale } from './metadata/tables/usage.ts'
import type { Rooms } from './rooms.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Everything an installation does by itself, each by one process at a time. */
export function schedulesOf(metadata: MetadataStore, rooms: Rooms): Schedule[] {
  const { registries, contents, gc, usage, accounts, backup, sso, scans, feeds } = rooms
  return [
    { name: 'settle registries', everyMs: 2 * SECOND, leaseMs: MINUTE, run: () => registries.settle() },
    { name: 'tidy lists', everyMs: 2 * SECOND, leaseMs: 10 * MINUTE, run: () => contents.tidyLists() },
    { name: 'remove objects', everyMs: 5 * SECOND, leaseMs: 30 * MINUTE, run: ignoreCount(() => gc.removeObjects()) },
    { name: 'expire uploads', everyMs: 5 * MINUTE, leaseMs: 30 * MINUTE, run: ignoreCount(() => gc.expireUploads()) },
    {
      name: 'refresh usage',
      everyMs: 5 * SECOND,
      leaseMs: 10 * MINUTE,
      run: ignoreCount(() => usage.refresh()),
    },
    // Whatever slipped past a mark is found at the latest by this.
    {
      name: 'add up all usage',
      everyMs: HOUR,
      leaseMs: 10 * MINUTE,
      run: () => metadata.transact((sql) => markAllUsageStale(sql)),
    },
    { name: 'forget days', everyMs: HOUR, leaseMs: 10 * MINUTE, run: () => usage.forgetDays() },
    {
      name: 'finish deleted contracts',
      everyMs: 5 * MINUTE,
      leaseMs: 10 * MINUTE,
      run: () => accounts.finishDeletedContracts(),
    },
    // Looks whether it is time: hourly, and soon after keys changed.
    {
      name: 'keep snapshots',
      everyMs: 10 * SECOND,
      leaseMs: 30 * MINUTE,
      run: async () => void (await backup.keepSnapshots()),
    },
    { name: 'scan what was missed', everyMs: HOUR, leaseMs: 10 * MINUTE, run: () => scans.scanMissed() },
    // Whether it is time for some source; what takes long is a job.
    { name: 'look for advisories', everyMs: 5 * SECOND, leaseMs: MINUTE, run: () => feeds.lookWhetherDue() },
    { name: 'forget layer facts', everyMs: HOUR, leaseMs: 10 * MINUTE, run: () => scans.forgetFacts() },
    { name: 'forget verdicts', everyMs: 24 * HOUR, leaseMs: 30 * MINUTE, run: () => scans.forgetVerdicts() },
    { name: 'forget credentials', everyMs: HOUR, leaseMs: 10 * MINUTE, run: () => forgetCredentials(metadata, sso) },
  ]
}

async function forgetCredentials(metadata: MetadataStore, sso: Rooms['sso']): Promise<void> {
  for (const sweep of [removeLongExpiredTokens, removeSpentCredentials]) await untilNone(metadata, sweep)
  while ((await sso.forgetSpentStates()) > 0);
}

async function untilNone(metadata: MetadataStore, sweep: (sql: Transaction) => Promise<number>): Promise<void> {
  while ((await metadata.transact(sweep)) > 0);
}

function ignoreCount(run: () => Promise<number>): () => Promise<void> {
  return async () => {
    await run()
  }
}
