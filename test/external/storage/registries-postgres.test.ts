import { after } from 'node:test'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { openMigrated } from '../../support/postgres-engine.ts'
import { registriesSuite } from '../../support/registries-suite.ts'
import { registryChangesSuite } from '../../support/registry-changes-suite.ts'
import { tokenSecretsSuite } from '../../support/token-secrets-suite.ts'

const skip = skipWithoutPostgres()
after(stopPostgres)

registriesSuite('postgres', openMigrated, skip)
registryChangesSuite('postgres', openMigrated, skip)
tokenSecretsSuite('postgres', openMigrated, skip)
