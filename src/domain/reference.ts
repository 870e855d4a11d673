import type { Digest } from './digest.ts'
import { isDigest, parseDigest } from './digest.ts'
import { DomainError } from './error.ts'

/** A movable name of an artifact. Source: distribution-spec 1.1: at most 128 characters. */
export type TagName = string & { readonly tagName: unique symbol }
export type Reference =
  | { readonly kind: 'tag'; readonly tag: TagName }
  | { readonly kind: 'digest'; readonly digest: Digest }

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** @throws `tag_invalid` */
export function parseTagName(text: string): TagName {
  if (TAG.test(text)) return text as TagName
  const shown = text.length > 140 ? `${text.slice(0, 140)}…` : text
  throw new DomainError(
    'tag_invalid',
    `tag "${shown}" is not valid: a letter, digit or _ first, then letters, digits, . _ or -, at most 128 characters`,
  )
}

/** Anything with a colon is meant as a digest. @throws `digest_invalid`, `tag_invalid` */
export function parseReference(text: string): Reference {
  if (isDigest(text) || text.includes(':')) return { kind: 'digest', digest: parseDigest(text) }
  return { kind: 'tag', tag: parseTagName(text) }
}
