import { randomUUID } from 'node:crypto'
import { DomainError } from '../domain/error.ts'
import { IntegrityError } from '../encryption/integrity-error.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { someKeyIsWrapped } from '../metadata/tables/data-keys.ts'
import { findSetting, holdSetting, settleSetting } from '../metadata/tables/settings.ts'
import type { KeyProvider } from './key-provider.ts'
import { MasterKeyError } from './key-provider.ts'

/** What the key check wraps; the text is a stored format. */
const KNOWN = Buffer.from('entrepot key check v1')

/** True while no master key protects anything here: only then a new one may be made. */
export async function isFirstStart(metadata: MetadataStore): Promise<boolean> {
  return await metadata.read(
    async (sql) => (await findSetting(sql, 'key_check')) === null && !(await someKeyIsWrapped(sql)),
  )
}

/** The id of this installation, made once. */
export async function installationId(metadata: MetadataStore): Promise<string> {
  const found = await metadata.read((sql) => findSetting(sql, 'installation_id'))
  return found ?? (await metadata.transact((sql) => settleSetting(sql, 'installation_id', randomUUID())))
}

/**
 * Refuses a master key that is not the one this database's keys are wrapped with; at the first start it becomes that one.
 * @returns the check's text, for `holdKeyCheck`. @throws MasterKeyError
 */
export async function verifyMasterKey(
  metadata: MetadataStore,
  provider: KeyProvider,
  installation: string,
): Promise<string> {
  const found = await metadata.read((sql) => findSetting(sql, 'key_check'))
  const check = found ?? (await establish(metadata, await makeKeyCheck(provider, installation)))
  const [wrappedBy = '', wrapped = ''] = check.split(':')
  try {
    const known = await provider.unwrap(Buffer.from(wrapped, 'base64'), contextOf(installation))
    if (KNOWN.equals(known)) return check
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
  }
  throw new MasterKeyError(
    `the master key from the ${provider.name} is not the one of this installation (${installation}), whose keys were ` +
      `wrapped with one from the ${wrappedBy}: start the server with that key. With another one nothing stored can be read.`,
  )
}

/** `<provider>:<base64>` */
export async function makeKeyCheck(provider: KeyProvider, installation: string): Promise<string> {
  const wrapped = await provider.wrap(KNOWN, contextOf(installation))
  return `${provider.name}:${Buffer.from(wrapped).toString('base64')}`
}

/**
 * Keeps the master key from being changed until the transaction ends. What is wrapped by one that was given up meanwhile
 * could never be opened again. @throws `unavailable` when it was changed.
 */
export async function holdKeyCheck(sql: Transaction, check: string): Promise<void> {
  if ((await holdSetting(sql, 'key_check')) !== check) throw changed()
}

/** The same without keeping anybody from anything. */
export async function confirmKeyCheck(sql: Reader, check: string): Promise<void> {
  if ((await findSetting(sql, 'key_check')) !== check) throw changed()
}

function changed(): DomainError {
  return new DomainError('unavailable', 'the master key was changed: this server must be started again', {
    headers: { 'retry-after': '30' },
  })
}

async function establish(metadata: MetadataStore, check: string): Promise<string> {
  return await metadata.transact(async (sql) => {
    if (await someKeyIsWrapped(sql)) {
      throw new MasterKeyError(
        'the database holds wrapped keys but no key check (settings, key_check): it is damaged; restore it from a backup',
      )
    }
    return await settleSetting(sql, 'key_check', check)
  })
}

function contextOf(installation: string): string {
  return `${installation}/key-check`
}
