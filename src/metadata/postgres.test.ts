import { startPostgres } from '../../test/support/postgres.ts'
import { metadataContract } from './contract.ts'
import { openPostgres } from './postgres.ts'

/** test/external/storage/metadata-postgres.test.ts starts a server of its own. */
const skip = process.env['TEST_POSTGRES_URL'] === undefined ? 'no TEST_POSTGRES_URL' : false

metadataContract(
  'postgres',
  async () => {
    const database = await (await startPostgres()).createDatabase()
    return {
      open: (options) => openPostgres({ url: database.url, ...options }),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  },
  skip,
)
