import { after } from 'node:test'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import type { OpenMetadata } from '../../support/management.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'
import { registriesSuite } from '../../support/registries-suite.ts'
import { registryChangesSuite } from '../../support/registry-changes-suite.ts'
import { tokenSecretsSuite } from '../../support/token-secrets-suite.ts'

const skip = skipWithoutPostgres()
after(async () => {
  if (skip === false) await stopPostgres()
})

const openDatabase: OpenMetadata = async (now) => {
  const database = await (await startPostgres()).createDatabase()
  const metadata = await openPostgres({ url: database.url, clockOffset: () => now() - Date.now() })
  return {
    metadata,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

registriesSuite('postgres', openDatabase, skip)
registryChangesSuite('postgres', openDatabase, skip)
tokenSecretsSuite('postgres', openDatabase, skip)
