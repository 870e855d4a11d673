import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

// Source of the parameters: OWASP's password storage cheat sheet, argon2id (19 MiB, 2 passes, 1 lane); measured 27-31 ms here.
const MEMORY_KIB = 19_456
const PASSES = 2
const LANES = 1
const TAG_LENGTH = 32
const SALT_LENGTH = 16
/** What a stored string may ask of us, so that a tampered row cannot take the machine down. */
const MAX_MEMORY_KIB = 1_048_576
const MAX_PASSES = 16

/** The longest password that is looked at: hashing time must not be a stranger's choice. */
export const MAX_PASSWORD_LENGTH = 256

const derive = promisify(argon2)

/** A PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_LENGTH)
  const hash = await tagOf(password, { salt, memory: MEMORY_KIB, passes: PASSES, lanes: LANES, length: TAG_LENGTH })
  return phc(salt, hash)
}

/** A string that no password verifies against, at the same cost: for names that do not exist. */
export function unverifiableHash(): string {
  return phc(randomBytes(SALT_LENGTH), randomBytes(TAG_LENGTH))
}

/** False too for a string that is not argon2id's. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const parsed = parsePhc(stored)
  if (!parsed) return false
  const hash = await tagOf(password, { ...parsed, length: parsed.hash.length })
  return timingSafeEqual(hash, parsed.hash)
}

/** Whether a string is weaker than what `hashPassword` makes today. False for one that is not argon2id's. */
export function isOutdated(stored: string): boolean {
  const parsed = parsePhc(stored)
  if (!parsed) return false
  return parsed.memory < MEMORY_KIB || parsed.passes < PASSES || parsed.hash.length < TAG_LENGTH
}

interface Parameters {
  readonly salt: Uint8Array
  readonly memory: number
  readonly passes: number
  readonly lanes: number
}

/** NFC: the same characters give the same bytes whichever keyboard typed them. */
function tagOf(password: string, { salt, memory, passes, lanes, length }: Parameters & { length: number }) {
  const message = Buffer.from(password.normalize('NFC'))
  return derive('argon2id', { message, nonce: salt, parallelism: lanes, tagLength: length, memory, passes })
}

function phc(salt: Buffer, hash: Buffer): string {
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(hash)}`
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function parsePhc(text: string): (Parameters & { readonly hash: Buffer }) | null {
  const [, memory, passes, lanes, salt = '', hash = ''] = PHC.exec(text) ?? []
  const parsed = {
    memory: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  }
  const isCheap = parsed.memory <= MAX_MEMORY_KIB && parsed.passes <= MAX_PASSES
  return isCheap && parsed.salt.length >= 8 && parsed.hash.length >= 16 ? parsed : null
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
