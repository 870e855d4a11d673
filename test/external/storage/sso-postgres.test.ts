import { after } from 'node:test'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { engine } from '../../support/auth-world.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'

// The tests of single sign-on once more, on PostgreSQL.

if (skipWithoutPostgres() === false) {
  engine.current = {
    create: async () => {
      const database = await (await startPostgres()).createDatabase()
      return {
        open: (now) => openPostgres({ url: database.url, clockOffset: () => now() - Date.now(), poolSize: 5 }),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  }
  await import('../../../src/sso/login.test.ts')
  await import('../../../src/sso/providers.test.ts')
  await import('../../../src/sso/admit-person.test.ts')
  after(stopPostgres) // after those of the tests, which close their databases
}
