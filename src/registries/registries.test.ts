import { openSqliteMetadata } from '../../test/support/management.ts'
import { registriesSuite } from '../../test/support/registries-suite.ts'
import { tokenSecretsSuite } from '../../test/support/token-secrets-suite.ts'

registriesSuite('sqlite', openSqliteMetadata)
tokenSecretsSuite('sqlite', openSqliteMetadata)
