import { IntegrityError } from '../encryption/integrity-error.ts'
import type { KeyProvider } from './key-provider.ts'

/**
 * A small secret in a row, such as a signing key: version 1 ‖ length of purpose ‖ purpose ‖ what the provider wrapped.
 * The purpose is inside so that a change of master key can wrap it anew without knowing what it is for; it is bound by
 * the provider, so that nobody can exchange it.
 */
const VERSION = 1
const HEAD_BYTES = 2

export interface Sealing {
  readonly provider: KeyProvider
  readonly installation: string
}

export async function sealSecret(
  { provider, installation }: Sealing,
  bytes: Uint8Array,
  purpose: string,
): Promise<Buffer> {
  const name = Buffer.from(purpose)
  if (name.length === 0 || name.length > 255) throw new TypeError('a purpose has 1 to 255 bytes')
  const wrapped = await provider.wrap(bytes, contextOf(installation, purpose))
  return Buffer.concat([Buffer.of(VERSION, name.length), name, wrapped])
}

/** @throws IntegrityError when it was sealed for another purpose, installation or key. */
export async function openSecret(sealing: Sealing, sealed: Uint8Array, purpose: string): Promise<Uint8Array> {
  const found = split(sealed)
  if (found.purpose !== purpose) throw new IntegrityError(`a secret for "${found.purpose}" is not one for "${purpose}"`)
  return await sealing.provider.unwrap(found.wrapped, contextOf(sealing.installation, purpose))
}

export async function rewrapSecret(from: Sealing, to: Sealing, sealed: Uint8Array): Promise<Buffer> {
  const { purpose } = split(sealed)
  return await sealSecret(to, await openSecret(from, sealed, purpose), purpose)
}

function split(sealed: Uint8Array): { purpose: string; wrapped: Uint8Array } {
  const end = HEAD_BYTES + (sealed[1] ?? 0)
  if (sealed[0] !== VERSION || sealed.length <= end) throw new IntegrityError('this is no sealed secret')
  return { purpose: Buffer.from(sealed.subarray(HEAD_BYTES, end)).toString(), wrapped: sealed.subarray(end) }
}

function contextOf(installation: string, purpose: string): string {
  return `${installation}/secret/${purpose}`
}
