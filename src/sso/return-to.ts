import { DomainError } from '../domain/error.ts'

const HOME = '/ui/'
const MOST = 500

/**
 * Where the browser goes once signed on: a page of the console and nothing else, else a link of ours would lead people to
 * a look-alike. @throws `input_invalid`
 */
export function parseReturnTo(text: string | null): string {
  if (text === null || text === '') return HOME
  // Browsers read a backslash as a slash and drop tabs and newlines; `//host` and `/\host` name another host.
  const isPlain = text.length <= MOST && /^\/[!-[\]-~]*$/.test(text)
  const url = isPlain ? URL.parse(text, 'https://console.invalid') : null
  if (url?.origin === 'https://console.invalid' && url.pathname.startsWith(HOME) && text.startsWith(HOME)) {
    return url.pathname + url.search + url.hash
  }
  throw new DomainError(
    'input_invalid',
    `return_to must be the path of a page of the console, such as ${HOME}registries, with at most ${MOST} characters`,
  )
}
