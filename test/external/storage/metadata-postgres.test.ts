import type { MetadataPlace } from '../../../src/metadata/contract.ts'
import { metadataContract } from '../../../src/metadata/contract.ts'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { skipWithoutPostgres, startPostgres } from '../../support/postgres.ts'

metadataContract('postgres', newPlace, skipWithoutPostgres())

async function newPlace(): Promise<MetadataPlace> {
  const server = await startPostgres()
  const database = await server.createDatabase()
  return {
    open: (options) => openPostgres({ url: database.url, ...options }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}
