import { after } from 'node:test'
import { engine } from '../../support/auth-world.ts'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { postgresEngine } from '../../support/postgres-engine.ts'

// The tests of auth, accounts, audit and usage once more, on PostgreSQL.

if (skipWithoutPostgres() === false) {
  engine.current = postgresEngine
  await import('../../../src/auth/privacy.test.ts')
  await import('../../../src/auth/auth-epoch.test.ts')
  await import('../../../src/auth/issue-token.test.ts')
  await import('../../../src/auth/authenticate-person.test.ts')
  await import('../../../src/auth/bearer-tokens.test.ts')
  await import('../../../src/auth/brake.test.ts')
  await import('../../../src/auth/last-used.test.ts')
  await import('../../../src/auth/sweep-credentials.test.ts')
  await import('../../journeys/token-rotation.test.ts')
  await import('../../../src/auth/log-in.test.ts')
  await import('../../../src/accounts/accounts.test.ts')
  await import('../../../src/accounts/revocation.test.ts')
  await import('../../../src/accounts/departed.test.ts')
  await import('../../../src/accounts/operators.test.ts')
  await import('../../../src/api-v1/people.test.ts')
  await import('../../../src/api-v1/own-account.test.ts')
  await import('../../../src/audit/audit.test.ts')
  await import('../../../src/usage/usage.test.ts')
  await import('../../../src/api-v1/audit.test.ts')
  await import('../../../src/usage/quotas.test.ts')
  await import('../../properties/quota-model.test.ts')
  after(stopPostgres) // after those of the tests, which close their databases
}
