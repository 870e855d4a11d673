import { openSqliteMetadata } from '../../test/support/management.ts'
import { registryChangesSuite } from '../../test/support/registry-changes-suite.ts'

registryChangesSuite('sqlite', openSqliteMetadata)
