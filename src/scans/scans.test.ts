import { openSqliteMetadata } from '../../test/support/management.ts'
import { scanKindsSuite } from '../../test/support/scan-kinds-suite.ts'
import { scansSuite } from '../../test/support/scans-suite.ts'

scansSuite('sqlite', openSqliteMetadata)
scanKindsSuite('sqlite', openSqliteMetadata)
