import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DomainError } from '../domain/error.ts'
import { IntegrityError } from '../encryption/integrity-error.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { openSqlite } from '../metadata/sqlite.ts'
import { sealedSsoSecrets } from '../metadata/tables/sso-providers.ts'
import { isFirstStart } from './key-check.ts'
import type { KeyProvider } from './key-provider.ts'
import { MasterKeyError } from './key-provider.ts'
import type { Keys } from './keys.ts'
import { createKeyring } from './keys.ts'
import { masterKeyProvider } from './master-key.ts'

interface Installation extends AsyncDisposable {
  readonly metadata: MetadataStore
  readonly provider: KeyProvider
  readonly keys: Keys
  /** Milliseconds of the cache's clock. */
  readonly clock: { now: number }
}

async function installation(): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-keys-'))
  const metadata = await openSqlite({ path: join(directory, 'entrepot.db') })
  const provider = aProvider()
  const clock = { now: 0 }
  const keys = await createKeyring({ metadata, provider, now: () => clock.now })
  return {
    metadata,
    provider,
    keys,
    clock,
    [Symbol.asyncDispose]: async () => {
      await metadata[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

function aProvider(name = 'file'): KeyProvider {
  return masterKeyProvider(name, randomBytes(32))
}

async function createRegistry({ metadata, keys }: Installation): Promise<number> {
  const fresh = await keys.newDataKey()
  return await metadata.transact(async (sql) => {
    const contract = await sql.get<{ id: number }>`
      INSERT INTO contracts (name, created_at) VALUES ('acme', 0) RETURNING id`
    const row = await sql.get<{ id: number }>`
      INSERT INTO registries (contract_id, public_id, name, location, created_at, created_by, created_by_id)
      VALUES (${contract?.id ?? 0}, 'id', ${`r${contract?.id}`}, 'de/fra', 0, 'me', 'me') RETURNING id`
    assert.ok(row)
    await keys.insert(sql, row.id, fresh)
    return row.id
  })
}

function unavailable(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof DomainError && error.kind === 'unavailable' && words.test(error.message)
}

void test('a registry has a key of its own, found by registry and by id', async () => {
  await using one = await installation()
  const [first, second] = [await createRegistry(one), await createRegistry(one)]
  const key = await one.keys.current(first)
  assert.equal(key.registryId, first)
  assert.equal(key.objects.length, 32)
  assert.notDeepEqual(key.objects, key.manifests)
  assert.notDeepEqual(key.objects, (await one.keys.current(second)).objects)
  assert.deepEqual(await one.keys.byId(key.id), key)
  const again = await createKeyring(one)
  assert.deepEqual(await again.current(first), key)
})

void test('no key lies in the database in the clear', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  const key = await one.keys.current(id)
  const [exported] = await one.keys.exportKeys(id)
  const rows = await one.metadata.read((sql) => sql.all<{ wrapped: Uint8Array }>`SELECT wrapped FROM data_keys`)
  assert.equal(rows.length, 1)
  assert.equal(rows[0]?.wrapped.length, 60)
  assert.ok(exported)
  assert.ok(Buffer.from(exported.objects.key[0]?.keyData.value ?? '', 'base64').includes(Buffer.from(key.objects)))
})

void test('a newer version becomes current within a minute, the older one stays readable', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  const first = await one.keys.current(id)
  const fresh = await one.keys.newDataKey()
  await one.metadata.transact((sql) => one.keys.insert(sql, id, fresh))
  assert.equal((await one.keys.current(id)).id, first.id)
  one.clock.now += 60_001
  const second = await one.keys.current(id)
  assert.notEqual(second.id, first.id)
  assert.deepEqual(await one.keys.byId(first.id), first)
  assert.deepEqual(
    (await one.keys.exportKeys(id)).map(({ version }) => version),
    [1, 2],
  )
})

void test('a destroyed key is gone, here at once and elsewhere within a minute', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  const other = await createKeyring({ ...one, now: () => one.clock.now })
  const key = await other.current(id)
  await one.keys.current(id)
  assert.equal(await one.metadata.transact((sql) => one.keys.destroyDataKey(sql, id)), 1)
  await assert.rejects(one.keys.current(id), unavailable(new RegExp(`data key ${key.id} is destroyed`)))
  await assert.rejects(one.keys.byId(key.id), unavailable(/is destroyed/))
  assert.equal((await other.current(id)).id, key.id)
  one.clock.now += 60_001
  await assert.rejects(other.current(id), unavailable(/is destroyed/))
  assert.deepEqual(await one.keys.exportKeys(id), [])
  assert.equal(await one.metadata.transact((sql) => one.keys.destroyDataKey(sql, id)), 0)
})

void test('a key that does not exist, or was damaged, is named', async () => {
  await using one = await installation()
  await assert.rejects(one.keys.byId(77), unavailable(/data key 77 does not exist/))
  await assert.rejects(one.keys.current(77), unavailable(/registry 77 does not exist/))
  const id = await createRegistry(one)
  await one.metadata.transact((sql) => sql.run`UPDATE data_keys SET wrapped = ${randomBytes(60)}`)
  await assert.rejects(one.keys.current(id), unavailable(/data key \d+ cannot be unwrapped/))
})

void test('a hundred questions for one key unwrap it once', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  let unwrapped = 0
  const counting: KeyProvider = {
    ...one.provider,
    unwrap: (wrapped, context) => {
      unwrapped += 1
      return one.provider.unwrap(wrapped, context)
    },
  }
  const keys = await createKeyring({ metadata: one.metadata, provider: counting })
  unwrapped = 0
  await Promise.all(Array.from({ length: 100 }, () => keys.current(id)))
  await keys.current(id)
  assert.equal(unwrapped, 1)
})

void test('a failed look-up is not remembered', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  let answers = true
  const flaky: KeyProvider = {
    ...one.provider,
    unwrap: async (wrapped, context) => {
      if (!answers) throw new DomainError('unavailable', 'the key service does not answer')
      return await one.provider.unwrap(wrapped, context)
    },
  }
  const keys = await createKeyring({ metadata: one.metadata, provider: flaky })
  answers = false
  await assert.rejects(keys.current(id), unavailable(/key service/))
  answers = true
  assert.equal((await keys.current(id)).registryId, id)
})

void test('another master key is refused by name, before anything else', async () => {
  await using one = await installation()
  await createRegistry(one)
  await assert.rejects(
    createKeyring({ metadata: one.metadata, provider: aProvider('environment') }),
    (error: unknown) => {
      return error instanceof MasterKeyError && /the environment is not the one .* from the file/.test(error.message)
    },
  )
})

void test('the same master key may move from the file to the environment', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  const key = await one.keys.current(id)
  const moved = await createKeyring({ metadata: one.metadata, provider: { ...one.provider, name: 'environment' } })
  assert.deepEqual(await moved.current(id), key)
})

void test('a first start is one until a key was checked in', async () => {
  await using one = await installation()
  assert.equal(await isFirstStart(one.metadata), false)
  await one.metadata.transact((sql) => sql.run`DELETE FROM settings WHERE name = 'key_check'`)
  assert.equal(await isFirstStart(one.metadata), true)
})

void test('wrapped keys without a key check are a damaged database, not a first start', async () => {
  await using one = await installation()
  await createRegistry(one)
  await one.metadata.transact((sql) => sql.run`DELETE FROM settings WHERE name = 'key_check'`)
  assert.equal(await isFirstStart(one.metadata), false)
  await assert.rejects(createKeyring({ metadata: one.metadata, provider: aProvider() }), MasterKeyError)
})

void test('of two first starts with different master keys one is refused', async () => {
  await using one = await installation()
  await one.metadata.transact((sql) => sql.run`DELETE FROM settings`)
  const starts = await Promise.allSettled([
    createKeyring({ metadata: one.metadata, provider: aProvider() }),
    createKeyring({ metadata: one.metadata, provider: aProvider() }),
  ])
  assert.deepEqual(starts.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

void test('a secret opens for its purpose only', async () => {
  await using one = await installation()
  const secret = Buffer.from('{"kty":"EC"}')
  const sealed = await one.keys.sealSecret(secret, 'signing-key')
  assert.ok(!Buffer.from(sealed).includes('kty'))
  assert.deepEqual(Buffer.from(await one.keys.openSecret(sealed, 'signing-key')), secret)
  await assert.rejects(one.keys.openSecret(sealed, 'webhook'), IntegrityError)
  const renamed = Buffer.from(sealed)
  renamed.write('webhook-key', 2)
  await assert.rejects(one.keys.openSecret(renamed, 'webhook-key'), IntegrityError)
  for (const damaged of [Buffer.alloc(0), Buffer.of(1), sealed.subarray(0, 20), Buffer.of(9, 1, 65, 1)]) {
    await assert.rejects(one.keys.openSecret(damaged, 'signing-key'), IntegrityError)
  }
  await using other = await installation()
  await assert.rejects(other.keys.openSecret(sealed, 'signing-key'), IntegrityError)
})

void test('derived keys depend on purpose, installation and master key, and on nothing else', async () => {
  await using one = await installation()
  const again = await createKeyring(one)
  assert.deepEqual(one.keys.deriveKey('login-brake'), again.deriveKey('login-brake'))
  assert.notDeepEqual(one.keys.deriveKey('login-brake'), one.keys.deriveKey('cookie'))
  await using other = await installation()
  await other.metadata.transact((sql) => sql.run`DELETE FROM settings`)
  const sameMaster = await createKeyring({ metadata: other.metadata, provider: one.provider })
  assert.notDeepEqual(one.keys.deriveKey('cookie'), sameMaster.deriveKey('cookie'))
})

void test('after a change of master key the new one opens everything and the old one nothing', async () => {
  await using one = await installation()
  const ids = [await createRegistry(one), await createRegistry(one), await createRegistry(one)]
  const keys = await Promise.all(ids.map((id) => one.keys.current(id)))
  const [destroyed = 0] = ids.splice(1, 1)
  await one.metadata.transact((sql) => one.keys.destroyDataKey(sql, destroyed))
  const sealed = await one.keys.sealSecret(Buffer.from('private'), 'signing-key')
  await one.metadata.transact(async (sql) => {
    await one.keys.holdMasterKey(sql)
    await sql.run`INSERT INTO signing_keys (kid, public_jwk, wrapped, created_at) VALUES ('k', '{}', ${sealed}, 0)`
  })

  const next = aProvider('environment')
  const clientSecret = await one.keys.sealSecret(Buffer.from('s3cr3t'), 'client-secret')
  await one.metadata.transact(
    (sql) => sql.run`
    INSERT INTO sso_providers (contract_id, public_id, name, issuer, client_id, client_secret, scopes, groups_claim, created_at)
    VALUES (1, 'p', 'p', 'i', 'c', ${clientSecret}, '[]', 'g', 0)`,
  )
  assert.equal(await one.keys.rewrapAll(next), 4)

  const after = await createKeyring({ metadata: one.metadata, provider: next })
  assert.deepEqual(await after.current(ids[0] ?? 0), keys[0])
  assert.deepEqual(await after.current(ids[1] ?? 0), keys[2])
  await assert.rejects(after.current(destroyed), unavailable(/is destroyed/))
  const row = await one.metadata.read((sql) => sql.get<{ wrapped: Uint8Array }>`SELECT wrapped FROM signing_keys`)
  assert.equal(
    Buffer.from(await after.openSecret(row?.wrapped ?? Buffer.alloc(0), 'signing-key')).toString(),
    'private',
  )
  const [sso] = await one.metadata.read(sealedSsoSecrets)
  assert.equal(
    Buffer.from(await after.openSecret(sso?.wrapped ?? Buffer.alloc(0), 'client-secret')).toString(),
    's3cr3t',
  )
  const providers = await one.metadata.read((sql) => {
    return sql.all<{ provider: string }>`SELECT DISTINCT provider FROM data_keys WHERE wrapped IS NOT NULL`
  })
  assert.deepEqual({ ...providers[0] }, { provider: 'environment' })
  await assert.rejects(createKeyring({ metadata: one.metadata, provider: one.provider }), MasterKeyError)
  await assert.rejects(one.keys.rewrapAll(aProvider()), MasterKeyError)
})

void test('a server that still has the old master key can add nothing that nobody could open', async () => {
  await using one = await installation()
  const id = await createRegistry(one)
  await one.keys.current(id)
  const before = await one.keys.newDataKey()
  await one.keys.rewrapAll(aProvider())
  await assert.rejects(
    one.metadata.transact((sql) => one.keys.insert(sql, id, before)),
    unavailable(/must be started again/),
  )
  await assert.rejects(
    one.metadata.transact((sql) => one.keys.holdMasterKey(sql)),
    unavailable(/must be started again/),
  )
  assert.equal((await one.keys.current(id)).registryId, id, 'what is unwrapped stays in use')
})

void test('a registry made while the master key changes is not left behind', async () => {
  await using one = await installation()
  await createRegistry(one)
  const real = aProvider()
  let late: number | null = null
  const slow: KeyProvider = {
    ...real,
    wrap: async (plain, context) => {
      late ??= await createRegistry(one)
      return await real.wrap(plain, context)
    },
  }
  assert.equal(await one.keys.rewrapAll(slow), 2)
  const after = await createKeyring({ metadata: one.metadata, provider: real })
  assert.ok(late)
  assert.equal((await after.current(late)).registryId, late)
})
