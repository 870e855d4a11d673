/**
 * Whoever holds the key that wraps all others: a file, the environment, later an external key service. The master key
 * itself never leaves it.
 */
export interface KeyProvider {
  /** Stored beside what it wrapped: `file`, `environment`. */
  readonly name: string
  /**
   * Encrypts a few bytes. `context` is bound to them but not stored: the same is needed for `unwrap`.
   * @throws `unavailable` when the service does not answer.
   */
  wrap(plain: Uint8Array, context: string): Promise<Uint8Array>
  /** @throws IntegrityError when they were wrapped by another key or in another context; `unavailable` as `wrap`. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>
  /** 32 bytes that only the holder of the master key can know, always the same for one purpose. */
  derive(purpose: string): Promise<Uint8Array>
}

/** The server cannot start with this master key, or without one; `message` tells its operator what to do. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError'
}
