import { openSqliteMetadata } from '../../test/support/management.ts'
import { scansSuite } from '../../test/support/scans-suite.ts'

scansSuite('sqlite', openSqliteMetadata)
