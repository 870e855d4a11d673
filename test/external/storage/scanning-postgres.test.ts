import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { daySuite } from '../../support/day-suite.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'

after(stopPostgres)

daySuite(
  'PostgreSQL',
  async () => {
    const database = await (await startPostgres()).createDatabase()
    return {
      env: { ENTREPOT_DATABASE_URL: database.url, ENTREPOT_MASTER_KEY: randomBytes(32).toString('base64') },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  },
  skipWithoutPostgres(),
)
