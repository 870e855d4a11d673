import { openSqliteMetadata } from '../../test/support/management.ts'
import { registriesSuite } from '../../test/support/registries-suite.ts'

registriesSuite('sqlite', openSqliteMetadata)
