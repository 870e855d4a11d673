import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'

/** What a list hands out to go on from. Nobody can read it: it may hold row numbers, which count what others have too. */
export interface Cursors {
  /** `list`: whose position it is, so that no other list opens it, and perhaps repeats what is in it. */
  seal(list: string, position: string): string
  /** Null for what was not sealed here, or for another list. */
  open(list: string, cursor: string): string | null
}

const IV_LENGTH = 12
const TAG_LENGTH = 16

/**
 * `key`: 32 bytes, alike in every process. AES-256-GCM under an IV made of list and position: the same ones give the
 * same cursor, so that a repeated request is answered alike, and two positions never share an IV (but by a chance of 2⁻⁴⁸
 * in 2²⁴ of them, which would show how two row numbers differ).
 */
export function createCursors(key: Uint8Array): Cursors {
  return {
    seal(list, position) {
      const iv = createHmac('sha256', key)
        .update(JSON.stringify([list, position]))
        .digest()
        .subarray(0, IV_LENGTH)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(list))
      const body = Buffer.concat([cipher.update(position, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
    },
    open(list, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      if (bytes.length < IV_LENGTH + TAG_LENGTH) return null
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_LENGTH))
      decipher.setAAD(Buffer.from(list)).setAuthTag(bytes.subarray(IV_LENGTH, IV_LENGTH + TAG_LENGTH))
      try {
        const body = bytes.subarray(IV_LENGTH + TAG_LENGTH)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    },
  }
}
