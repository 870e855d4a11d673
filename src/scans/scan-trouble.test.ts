import { openSqliteMetadata } from '../../test/support/management.ts'
import { scanTroubleSuite } from '../../test/support/scan-trouble-suite.ts'

scanTroubleSuite('sqlite', openSqliteMetadata)
