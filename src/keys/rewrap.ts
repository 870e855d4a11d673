import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { liveDataKeys, rewrapDataKey, rewrapSigningKey, wrappedSigningKeys } from '../metadata/tables/data-keys.ts'
import { changeSetting } from '../metadata/tables/settings.ts'
import { rewrapSsoSecret, sealedSsoSecrets } from '../metadata/tables/sso-providers.ts'
import { makeKeyCheck, verifyMasterKey } from './key-check.ts'
import type { KeyProvider } from './key-provider.ts'
import { dataKeyContext } from './new-data-key.ts'
import { rewrapSecret } from './sealed-secret.ts'

export interface Rewrapping {
  readonly metadata: MetadataStore
  readonly installation: string
  readonly from: KeyProvider
  readonly to: KeyProvider
}

interface Prepared {
  readonly check: string
  readonly newCheck: string
  readonly provider: string
  readonly dataKeys: Rewrapped
  readonly signingKeys: Rewrapped
  readonly ssoSecrets: Rewrapped
}

/** Row id → bytes before and after. */
type Rewrapped = ReadonlyMap<number, { readonly before: Uint8Array; readonly after: Uint8Array }>

/** A key appeared or changed between preparing and applying. */
class KeysMoved extends Error {}

const ATTEMPTS = 5

/**
 * Changes the master key: wraps all data keys, signing keys and client secrets anew, in one transaction with the key check, so that at
 * any moment exactly one master key opens everything. Stored objects are not touched. Servers that run with the old key
 * go on with what they have unwrapped and must be started again; what they would wrap is refused (`holdKeyCheck`).
 * @returns how many keys. @throws MasterKeyError when `from` is not the key in use.
 */
export async function rewrapAll(rewrapping: Rewrapping): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    // Wrapping may ask a key service, which a transaction must not wait for: so before it, and again if keys moved.
    const prepared = await prepare(rewrapping)
    try {
      return await rewrapping.metadata.transact((sql) => apply(sql, prepared))
    } catch (error) {
      if (!(error instanceof KeysMoved) || attempt === ATTEMPTS) throw error
    }
  }
}

async function prepare({ metadata, installation, from, to }: Rewrapping): Promise<Prepared> {
  const check = await verifyMasterKey(metadata, from, installation)
  const context = dataKeyContext(installation)
  const dataKeys = await eachRow(await metadata.read(liveDataKeys), async (wrapped) =>
    to.wrap(await from.unwrap(wrapped, context), context),
  )
  const secret = (wrapped: Uint8Array) =>
    rewrapSecret({ provider: from, installation }, { provider: to, installation }, wrapped)
  const signingKeys = await eachRow(await metadata.read(wrappedSigningKeys), secret)
  const ssoSecrets = await eachRow(await metadata.read(sealedSsoSecrets), secret)
  return { check, newCheck: await makeKeyCheck(to, installation), provider: to.name, dataKeys, signingKeys, ssoSecrets }
}

async function eachRow(
  rows: readonly { readonly id: number; readonly wrapped: Uint8Array }[],
  rewrap: (wrapped: Uint8Array) => Promise<Uint8Array>,
): Promise<Rewrapped> {
  const rewrapped = new Map<number, { before: Uint8Array; after: Uint8Array }>()
  for (const { id, wrapped } of rows) rewrapped.set(id, { before: wrapped, after: await rewrap(wrapped) })
  return rewrapped
}

async function apply(
  sql: Transaction,
  { check, newCheck, provider, dataKeys, signingKeys, ssoSecrets }: Prepared,
): Promise<number> {
  // First of all: from here on nobody who holds the old check can add a key.
  if (!(await changeSetting(sql, 'key_check', check, newCheck)))
    throw new KeysMoved('the master key was changed meanwhile')
  const data = await liveDataKeys(sql)
  for (const row of data) await rewrapDataKey(sql, row.id, { provider, wrapped: prepared(dataKeys, row) })
  const signing = await wrappedSigningKeys(sql)
  for (const row of signing) await rewrapSigningKey(sql, row.id, prepared(signingKeys, row))
  const sso = await sealedSsoSecrets(sql)
  for (const row of sso) await rewrapSsoSecret(sql, row.id, prepared(ssoSecrets, row))
  return data.length + signing.length + sso.length
}

function prepared(rewrapped: Rewrapped, row: { readonly id: number; readonly wrapped: Uint8Array }): Uint8Array {
  const found = rewrapped.get(row.id)
  if (found && Buffer.from(found.before).equals(row.wrapped)) return found.after
  throw new KeysMoved('keys were made while the others were wrapped anew: try again')
}
