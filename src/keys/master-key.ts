import { subkey } from '../encryption/subkeys.ts'
import { openBytes, sealBytes } from '../encryption/tink-aead.ts'
import type { KeyProvider } from './key-provider.ts'
import { MasterKeyError } from './key-provider.ts'

const HEX = /^[0-9a-f]{64}$/i
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** A provider that holds the 32 bytes itself. `wrap` is AES-256-GCM (IV ‖ ciphertext ‖ tag) under a subkey. */
export function masterKeyProvider(name: string, masterKey: Uint8Array): KeyProvider {
  const wrapping = subkey(masterKey, 'entrepot/wrapping/v1')
  return {
    name,
    wrap: async (plain, context) => sealBytes(wrapping, plain, context),
    unwrap: async (wrapped, context) => openBytes(wrapping, wrapped, context),
    derive: async (purpose) => subkey(masterKey, `entrepot/derived/v1/${purpose}`),
  }
}

/** The key of the setting ENTREPOT_MASTER_KEY. @throws MasterKeyError that says what it should be, never what it was. */
export function environmentKeyProvider(text: string): KeyProvider {
  return masterKeyProvider('environment', parseMasterKey(text, 'the master key (ENTREPOT_MASTER_KEY)'))
}

/** 32 bytes out of base64 (either alphabet, padded or not) or hexadecimal digits. @throws MasterKeyError naming `source`. */
export function parseMasterKey(text: string, source: string): Uint8Array {
  const trimmed = text.trim()
  const advice = 'it must be 32 random bytes in base64 or hexadecimal digits; `openssl rand -base64 32` makes one'
  if (trimmed === '') throw new MasterKeyError(`${source} is empty: ${advice}`)
  if (HEX.test(trimmed)) return Buffer.from(trimmed, 'hex')
  if (!BASE64.test(trimmed)) throw new MasterKeyError(`${source} is neither base64 nor hexadecimal: ${advice}`)
  const bytes = Buffer.from(trimmed, 'base64')
  if (bytes.length !== 32) throw new MasterKeyError(`${source} has ${bytes.length} bytes: ${advice}`)
  return bytes
}
