import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { createKeyring } from '../../../src/keys/keys.ts'
import { masterKeyProvider } from '../../../src/keys/master-key.ts'
import { openPostgres } from '../../../src/metadata/postgres.ts'
import { skipWithoutPostgres, startPostgres, stopPostgres } from '../../support/postgres.ts'

after(stopPostgres)

void test('keys: on PostgreSQL they are made, found, wrapped anew and destroyed, while registries are created', {
  skip: skipWithoutPostgres(),
}, async () => {
  await using database = await (await startPostgres()).createDatabase()
  await using metadata = await openPostgres({ url: database.url })
  const [first, second] = [
    masterKeyProvider('environment', randomBytes(32)),
    masterKeyProvider('environment', randomBytes(32)),
  ]
  // Two nodes that start first at the same moment.
  const [keys, other] = await Promise.all([
    createKeyring({ metadata, provider: first }),
    createKeyring({ metadata, provider: first }),
  ])
  assert.equal(keys.installation, other.installation)

  const create = async (name: string): Promise<number> => {
    const fresh = await keys.newDataKey()
    return await metadata.transact(async (sql) => {
      const contract = await sql.get<{ id: number }>`
        INSERT INTO contracts (name, created_at) VALUES (${name}, 0) RETURNING id`
      const row = await sql.get<{ id: number }>`
        INSERT INTO registries (contract_id, public_id, name, location, created_at, created_by, created_by_id)
        VALUES (${contract?.id ?? 0}, 'id', ${name}, 'de/fra', 0, 'me', 'me') RETURNING id`
      assert.ok(row)
      await keys.insert(sql, row.id, fresh)
      return row.id
    })
  }
  const ids = [await create('one'), await create('two')]
  const before = await keys.current(ids[0] ?? 0)
  const fresh = await keys.newDataKey()
  await metadata.transact((sql) => keys.insert(sql, ids[0] ?? 0, fresh))
  const sealed = await keys.sealSecret(Buffer.from('private'), 'signing-key')
  await metadata.transact(async (sql) => {
    await keys.holdMasterKey(sql)
    await sql.run`INSERT INTO signing_keys (kid, public_jwk, wrapped, created_at) VALUES ('k', '{}', ${sealed}, 0)`
  })

  const racing = Array.from({ length: 20 }, (_, index) => create(`late${index}`))
  const [wrapped, ...late] = await Promise.allSettled([keys.rewrapAll(second), ...racing])
  assert.equal(wrapped.status, 'fulfilled')
  const made = late.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(wrapped.value, 4 + made.length, 'whoever was not refused was wrapped anew')

  const after = await createKeyring({ metadata, provider: second })
  assert.deepEqual(await after.byId(before.id), before)
  for (const id of [...ids, ...made]) assert.equal((await after.current(id)).registryId, id)
  assert.equal(await metadata.transact((sql) => after.destroyDataKey(sql, ids[0] ?? 0)), 2)
  await assert.rejects(after.byId(before.id), /is destroyed/)
})
