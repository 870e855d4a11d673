import { DomainError } from './error.ts'

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. Source: image-spec 1.1, descriptor.md, "Digests". */
export type Digest = string & { readonly digest: unique symbol }
export type DigestAlgorithm = 'sha256' | 'sha512'

const SHAPE = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

export function isDigest(text: string): text is Digest {
  return SHAPE.test(text)
}

/** @throws `digest_invalid` naming the accepted forms. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  const shown = text.length > 150 ? `${text.slice(0, 150)}…` : text
  throw new DomainError(
    'digest_invalid',
    `"${shown}" is not a digest: write sha256: and 64, or sha512: and 128, lower-case hexadecimal digits`,
  )
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** @throws `digest_invalid` for an algorithm that is not served. */
export function parseAlgorithm(text: string): DigestAlgorithm {
  if (text === 'sha256' || text === 'sha512') return text
  throw new DomainError('digest_invalid', `digest algorithm "${text.slice(0, 40)}" is not served: use sha256 or sha512`)
}

export function digestOfHex(algorithm: DigestAlgorithm, hex: string): Digest {
  return `${algorithm}:${hex}` as Digest
}
