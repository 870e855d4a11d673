import { DomainError } from './error.ts'

/** A repository's name relative to its registry: `app` or `team/app`. */
export type RepositoryName = string & { readonly repositoryName: unique symbol }

// Source: distribution-spec 1.1, "Pulling manifests": the grammar of <name>.
const SHAPE = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/

/** Names longer than this are refused. Clients limit host + name to 255; a name over 255 is allowed but not scanned (product.md 7). */
export const MAX_REPOSITORY_NAME = 512

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= MAX_REPOSITORY_NAME && SHAPE.test(text)
}

/** @throws `name_invalid` naming the rule. */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  throw new DomainError(
    'name_invalid',
    `repository name "${shown}" is not valid: parts of lower-case letters and digits, joined inside by one of . _ __ or dashes, ` +
      `separated by /, at most ${MAX_REPOSITORY_NAME} characters in all`,
  )
}
