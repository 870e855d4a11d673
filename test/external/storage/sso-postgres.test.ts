import { after } from 'node:test'
import { engine } from '../../support/auth-world.ts'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { postgresEngine } from '../../support/postgres-engine.ts'

// The tests of single sign-on once more, on PostgreSQL.

if (skipWithoutPostgres() === false) {
  engine.current = postgresEngine
  await import('../../../src/sso/login.test.ts')
  await import('../../../src/sso/providers.test.ts')
  await import('../../../src/sso/admit-person.test.ts')
  after(stopPostgres) // after those of the tests, which close their databases
}
