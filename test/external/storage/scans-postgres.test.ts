import { after } from 'node:test'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { openMigrated } from '../../support/postgres-engine.ts'
import { rematchDeathSuite } from '../../support/rematch-death-suite.ts'
import { scanKindsSuite } from '../../support/scan-kinds-suite.ts'
import { scanTroubleSuite } from '../../support/scan-trouble-suite.ts'
import { scansSuite } from '../../support/scans-suite.ts'

after(stopPostgres)

scansSuite('postgres', openMigrated, skipWithoutPostgres())
scanKindsSuite('postgres', openMigrated, skipWithoutPostgres())
rematchDeathSuite('postgres', openMigrated, skipWithoutPostgres())
scanTroubleSuite('postgres', openMigrated, skipWithoutPostgres())
