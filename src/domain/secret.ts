import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a machine-made secret opens; the word in front lets secret scanners and people recognise it. */
export const SECRET_PREFIX = {
  registryToken: 'ent',
  apiKey: 'entk',
  session: 'ents',
  refreshToken: 'entr',
  /** An invitation, or a password's reset. */
  accountLink: 'entl',
} as const
export type SecretPrefix = (typeof SECRET_PREFIX)[keyof typeof SECRET_PREFIX]

export interface NewSecret {
  /** `<prefix>_<key id>_<secret><checksum>`: shown once, stored nowhere. */
  readonly text: string
  /** Not secret: the look-up is one index read. */
  readonly keyId: string
  /** What is stored. */
  readonly hash: string
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KEY_ID_LENGTH = 10
/** 28 base62 digits are 166 bits. */
const SECRET_LENGTH = 28
const CHECKSUM_LENGTH = 6
const SHAPE = /^(entr|ents|entk|entl|ent)_([0-9A-Za-z]{10})_[0-9A-Za-z]{34}$/

/** `random(n)` gives n unpredictable bytes. */
export function newSecret(prefix: SecretPrefix, random: (size: number) => Uint8Array = randomBytes): NewSecret {
  const keyId = randomDigits(KEY_ID_LENGTH, random)
  const body = `${prefix}_${keyId}_${randomDigits(SECRET_LENGTH, random)}`
  const text = body + checksum(body)
  return { text, keyId, hash: hashSecret(text) }
}

/** Null for anything that we cannot have made: mistyped ones are known without asking the database. */
export function parseSecret(text: string): { readonly prefix: SecretPrefix; readonly keyId: string } | null {
  const [, prefix, keyId] = SHAPE.exec(text) ?? []
  if (prefix === undefined || keyId === undefined) return null
  const body = text.slice(0, -CHECKSUM_LENGTH)
  return text === body + checksum(body) ? { prefix: prefix as SecretPrefix, keyId } : null
}

/** SHA-256, lower-case hexadecimal. Only for secrets of ours: a person's password needs a slow hash. */
export function hashSecret(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** In constant time. */
export function secretMatches(text: string, hash: string): boolean {
  const [given, stored] = [Buffer.from(hashSecret(text)), Buffer.from(hash)]
  return given.length === stored.length && timingSafeEqual(given, stored)
}

/** Bytes of 248 and more are thrown away: 256 is no multiple of 62. */
function randomDigits(length: number, random: (size: number) => Uint8Array): string {
  let digits = ''
  while (digits.length < length) {
    for (const byte of random(length)) if (byte < 248 && digits.length < length) digits += ALPHABET[byte % 62]
  }
  return digits
}

function checksum(body: string): string {
  let rest = crc32(body)
  let digits = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = (ALPHABET[rest % 62] ?? '') + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** The common one (IEEE 802.3), of ASCII text; the bits of `text` are few, so no table. */
function crc32(text: string): number {
  let crc = -1
  for (let at = 0; at < text.length; at++) {
    crc ^= text.charCodeAt(at)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
