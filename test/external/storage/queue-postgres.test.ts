import { after } from 'node:test'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { openMigrated } from '../../support/postgres-engine.ts'
import { queueSuite } from '../../support/queue-suite.ts'

after(stopPostgres)

queueSuite('postgres', openMigrated, skipWithoutPostgres())
