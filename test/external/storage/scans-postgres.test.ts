import { after } from 'node:test'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'
import { scansSuite } from '../../support/scans-suite.ts'

const skip = skipWithoutPostgres()
after(async () => {
  if (skip === false) await stopPostgres()
})

scansSuite(
  'postgres',
  async (now) => {
    const database = await (await startPostgres()).createDatabase()
    const metadata = await openPostgres({ url: database.url, clockOffset: () => now() - Date.now() })
    return {
      metadata,
      async [Symbol.asyncDispose]() {
        await metadata[Symbol.asyncDispose]()
        await database[Symbol.asyncDispose]()
      },
    }
  },
  skip,
)
