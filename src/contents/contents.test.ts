import { contentsSuite } from '../../test/support/contents-suite.ts'
import { openSqliteMetadata } from '../../test/support/management.ts'

contentsSuite('sqlite', openSqliteMetadata)
