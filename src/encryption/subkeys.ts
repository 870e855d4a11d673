import { hkdfSync } from 'node:crypto'

/** HKDF-SHA256 without salt: a 32-byte key for the one use that `info` names. */
export function subkey(root: Uint8Array, info: string): Uint8Array {
  if (root.length !== 32) throw new TypeError('the root key must have 32 bytes')
  return new Uint8Array(hkdfSync('sha256', root, '', info, 32))
}

/** The two subkeys of a data key's 32-byte root. The texts are a stored format: never change them. */
export function dataKeyFromRoot(root: Uint8Array): { objects: Uint8Array; manifests: Uint8Array } {
  return { objects: subkey(root, 'entrepot/objects/v1'), manifests: subkey(root, 'entrepot/manifests/v1') }
}
