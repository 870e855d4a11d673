import { after } from 'node:test'
import { contentsSuite } from '../../support/contents-suite.ts'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { openMigrated } from '../../support/postgres-engine.ts'

after(stopPostgres)

contentsSuite('postgres', openMigrated, skipWithoutPostgres())
