import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { IntegrityError } from './integrity-error.ts'

// Tink AES256-GCM, output prefix RAW: 12 bytes IV ‖ ciphertext ‖ 16 bytes tag.
const IV_BYTES = 12
const TAG_BYTES = 16

/** @param key 32 bytes. */
export function sealBytes(key: Uint8Array, bytes: Uint8Array, associatedData: Uint8Array | string): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(asBytes(associatedData))
  const sealed = cipher.update(bytes)
  cipher.final()
  return Buffer.concat([iv, sealed, cipher.getAuthTag()])
}

/** @throws IntegrityError when the bytes, the key or the associated data differ from those of `sealBytes`. */
export function openBytes(key: Uint8Array, sealed: Uint8Array, associatedData: Uint8Array | string): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES)
    throw new IntegrityError(`${sealed.length} bytes are too few to be encrypted ones`)
  const tagAt = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(asBytes(associatedData))
  decipher.setAuthTag(sealed.subarray(tagAt))
  const bytes = decipher.update(sealed.subarray(IV_BYTES, tagAt))
  try {
    decipher.final()
  } catch (cause) {
    throw new IntegrityError('encrypted bytes do not verify', { cause })
  }
  return bytes
}

/** What binds a manifest's bytes to their row (design.md 5): restore and migration keep both. */
export function manifestAssociatedData(registryId: number, digest: string): string {
  return `${registryId}/${digest}`
}

/** A manifest's bytes for its row. @param key the `manifests` subkey. @param associatedData of `manifestAssociatedData`. */
export function sealManifest(key: Uint8Array, bytes: Uint8Array, associatedData: string): Buffer {
  return sealBytes(key, bytes, associatedData)
}

/** @throws IntegrityError also when the row was moved to another registry or digest. */
export function openManifest(key: Uint8Array, sealed: Uint8Array, associatedData: string): Buffer {
  return openBytes(key, sealed, associatedData)
}

function asBytes(text: Uint8Array | string): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text
}
