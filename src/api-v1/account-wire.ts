import type { TProperties } from 'typebox'
import { Type } from 'typebox'

// What several files of routes about people share.

/** A misspelt `readOnly` must not make a key that may write. */
export const body = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false })

export const ROLE = Type.Enum(['owner', 'admin', 'member'], {
  description: 'Owners may everything; admins all but what concerns owners; members read.',
})

export const email = (description: string) =>
  Type.String({ maxLength: 254, description, examples: ['ann@example.com'] })

export const manageRegistry = Type.Boolean({
  description: 'The privilege Manage Registry: a member with it may change registries, tokens and what they hold.',
})

export const givenPassword = (description: string) =>
  Type.String({ maxLength: 1_000, description, examples: ['correct horse battery staple'] })

export const CONTRACT_NUMBER = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The number of the contract.',
  examples: [1],
})

/** In a path. */
export const contractId = Type.String({
  pattern: '^[1-9][0-9]{0,14}$',
  expects: 'a contract number',
  description: 'The number of the contract.',
  examples: ['2'],
})

/** A single-use link: where the console opens it, and what it carries for whoever has no browser. */
export const linkFields = {
  link: Type.String({
    description: 'To be handed to the person. What follows # stays in their browser: no server logs it.',
    examples: ['https://cr.example.com/ui/link#entl_7TqZ0bXw2K_…'],
  }),
  secret: Type.String({
    description: 'What the link carries, for POST /account-links/redeem. In this answer only.',
    examples: ['entl_7TqZ0bXw2K_…'],
  }),
}

export function linkPath(secret: string): string {
  return `/ui/link#${secret}`
}
