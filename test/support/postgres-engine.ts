import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { openPostgres } from '../../src/metadata/postgres.ts'
import type { Engine } from './auth-world.ts'
import type { OpenMetadata } from './management.ts'
import type { TestDatabase } from './postgres.ts'
import { startPostgres } from './postgres.ts'

/** A change that ends rights is waited for in every process; what is asked for more often is the same, sooner. */
const POLL_EVERY_MS = 20

/** The tables are made once; every database after that is a copy. */
let template: Promise<string> | undefined

export async function createMigrated(): Promise<TestDatabase> {
  template ??= makeTemplate()
  return (await startPostgres()).createDatabase(await template)
}

async function makeTemplate(): Promise<string> {
  const { url, name } = await (await startPostgres()).createDatabase()
  const metadata = await openPostgres({ url })
  await metadata[Symbol.asyncDispose]()
  return name
}

function open({ url }: TestDatabase, now: () => number): Promise<MetadataStore> {
  return openPostgres({ url, now, poolSize: 5, pollEveryMs: POLL_EVERY_MS })
}

export const postgresEngine: Engine = {
  create: async () => {
    const database = await createMigrated()
    return { open: (now) => open(database, now), [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
  },
}

export const openMigrated: OpenMetadata = async (now) => {
  const database = await createMigrated()
  const metadata = await open(database, now)
  return {
    ...{ metadata, at: database.url },
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}
