import { openSqliteMetadata } from '../../test/support/management.ts'
import { rematchDeathSuite } from '../../test/support/rematch-death-suite.ts'

rematchDeathSuite('sqlite', openSqliteMetadata)
