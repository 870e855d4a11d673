/** Stored bytes are not what was stored: damaged, cut, exchanged, or sealed with another key. Nothing of them was handed out. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError'
}
