import { openSqliteMetadata } from '../../test/support/management.ts'
import { scanKindsSuite } from '../../test/support/scan-kinds-suite.ts'

scanKindsSuite('sqlite', openSqliteMetadata)
