import { DomainError } from './error.ts'

/** A person's login name: lower case, so that it is one person's however it is typed. */
export type Email = string & { readonly email: unique symbol }

/** Loose on purpose: only a mail that arrives proves an address. No colon: Basic credentials end the name there. */
const SHAPE = /^[^\s@:\p{C}]+@[^\s@:\p{C}]+$/u
const MAX_LENGTH = 254

/** @throws `input_invalid` naming the rule. */
export function parseEmail(text: string): Email {
  const email = text.trim().toLowerCase()
  if (email.length <= MAX_LENGTH && SHAPE.test(email)) return email as Email
  throw new DomainError('input_invalid', `"${text.slice(0, 80)}" is not an e-mail address, such as ann@example.com`)
}
