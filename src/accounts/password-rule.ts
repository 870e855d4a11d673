import { DomainError } from '../domain/error.ts'

const FEWEST = 10
/** What logins look at; a longer one would be hashed and never accepted. */
const MOST = 256

/** Length is what counts; composition rules only make people write passwords down. @throws `input_invalid` with the rule. */
export function checkNewPassword(password: string): void {
  const length = [...password].length
  if (length >= FEWEST && password.length <= MOST && !password.includes('\0')) return
  throw new DomainError(
    'input_invalid',
    `a password needs ${FEWEST} to ${MOST} characters of any kind, this one has ${length}: choose another one`,
  )
}
