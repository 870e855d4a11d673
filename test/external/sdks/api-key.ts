import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { newSecret, SECRET_PREFIX } from '../../../src/domain/secret.ts'
import { openSqlite } from '../../../src/metadata/sqlite.ts'
import { insertApiKey } from '../../../src/metadata/tables/api-keys.ts'
import { identityByEmail } from '../../../src/metadata/tables/identities.ts'
import type { EntrepotUnderTest } from '../../support/server.ts'

/** An API key of the first owner, put beside the running server: it reads the same file. */
export async function makeApiKey({ dataDir, admin }: EntrepotUnderTest): Promise<string> {
  await using metadata = await openSqlite({ path: join(dataDir, 'entrepot.db') })
  const secret = newSecret(SECRET_PREFIX.apiKey)
  await metadata.transact(async (sql) => {
    const identity = await identityByEmail(sql, admin.email)
    if (identity === null) throw new TypeError(`nobody is ${admin.email}`)
    await insertApiKey(sql, {
      contractId: 1,
      identityId: identity.id,
      publicId: randomUUID(),
      keyId: secret.keyId,
      secretHash: secret.hash,
      name: 'sdks',
      readOnly: false,
      registryIds: null,
      actions: null,
      expiresAt: null,
    })
  })
  return secret.text
}
