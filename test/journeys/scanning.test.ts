import { daySuite } from '../support/day-suite.ts'

daySuite('SQLite', async () => ({ env: {}, [Symbol.asyncDispose]: async () => {} }))
