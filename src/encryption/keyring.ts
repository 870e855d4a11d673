/** The two subkeys of one data key (design.md 5): HKDF-SHA256(root, no salt, info `entrepot/objects/v1` | `entrepot/manifests/v1`). */
export interface DataKey {
  readonly id: number
  readonly registryId: number
  readonly objects: Uint8Array
  readonly manifests: Uint8Array
}

/** Gives unwrapped data keys; holds them in memory only. */
export interface Keyring {
  /** The key that new rows of this registry are encrypted with. @throws `unavailable` when it cannot be unwrapped. */
  current(registryId: number): Promise<DataKey>
  /** The key a stored row names. @throws `unavailable` naming the key id when it is destroyed or cannot be unwrapped. */
  byId(keyId: number): Promise<DataKey>
}
