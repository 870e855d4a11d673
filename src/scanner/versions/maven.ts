import type { Compare } from './compare.ts'
import { compareDigits, compareText, isDigits } from './natural.ts'

// Source: org.apache.maven.artifact.versioning.ComparableVersion; maven.apache.org/pom.html, "Version Order Specification".

/** A number, a word (already in its comparable form), or what stands behind a hyphen or a change between letters and digits. */
type Item = { readonly digits: string } | { readonly word: string } | Item[]

/** From the lowest; '' is the release. Any other word comes behind all of these, in order of letters. */
const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp']
const RELEASE = String(QUALIFIERS.indexOf(''))
const ALIASES: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' }
const BEFORE_DIGITS: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' }

/** `1-ga-1` is `1-1`. */
const RELEASE_BEFORE_DIGITS = /([.-])(?:ga|final|release)-(?=\d)/g

/** Anything has an order; an empty text is no version. */
export const compareMaven: Compare = (a, b) => (a === '' || b === '' ? null : compareItems(parse(a), parse(b)))

function parse(version: string): Item[] {
  const tokens =
    version
      .toLowerCase()
      .replace(RELEASE_BEFORE_DIGITS, '$1')
      .match(/\d+|[^\d.-]+|[.-]/g) ?? []
  const tree = new Tree()
  let before = '.'
  for (const [index, token] of tokens.entries()) {
    if (isSeparator(token)) {
      if (isSeparator(before)) tree.add({ digits: '0' })
      if (token === '-') tree.open()
    } else {
      if (!isSeparator(before)) tree.open()
      tree.add(itemOf(token, tokens[index + 1] ?? ''))
    }
    before = token
  }
  return tree.finish()
}

/** Lists within lists, the innermost last. */
class Tree {
  readonly #root: Item[] = []
  readonly #lists = [this.#root]
  #innermost = this.#root

  add(item: Item): void {
    this.#innermost.push(item)
  }

  open(): void {
    const inner: Item[] = []
    this.add(inner)
    this.#lists.push(inner)
    this.#innermost = inner
  }

  finish(): Item[] {
    for (const list of this.#lists.reverse()) dropNulls(list)
    return this.#root
  }
}

function isSeparator(token: string): boolean {
  return token === '.' || token === '-'
}

function itemOf(token: string, next: string): Item {
  return isDigits(token) ? { digits: token } : { word: comparable(token, isDigits(next)) }
}

function comparable(word: string, beforeDigits: boolean): string {
  const meant = (beforeDigits ? BEFORE_DIGITS[word] : undefined) ?? ALIASES[word] ?? word
  const index = QUALIFIERS.indexOf(meant)
  return index < 0 ? `${QUALIFIERS.length}-${meant}` : String(index)
}

/** Zeros, releases and empty lists at the end say nothing, as far back as only lists follow them. */
function dropNulls(list: Item[]): void {
  for (let i = list.length - 1; i >= 0; i--) {
    const item = list[i]
    if (item === undefined) return
    if (isNull(item)) list.splice(i, 1)
    else if (!Array.isArray(item)) return
  }
}

function isNull(item: Item): boolean {
  if (Array.isArray(item)) return item.length === 0
  return 'digits' in item ? /^0*$/.test(item.digits) : item.word === RELEASE
}

function compareItems(a: readonly Item[], b: readonly Item[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]]
    const difference = x === undefined ? (y === undefined ? 0 : -compareToNothing(y)) : compareItem(x, y)
    if (difference !== 0) return difference
  }
  return 0
}

function compareItem(x: Item, y: Item | undefined): number {
  if (y === undefined) return compareToNothing(x)
  if (Array.isArray(x)) return Array.isArray(y) ? compareItems(x, y) : 'digits' in y ? -1 : 1
  if (Array.isArray(y)) return 'digits' in x ? 1 : -1
  if ('digits' in x) return 'digits' in y ? compareDigits(x.digits, y.digits) : 1
  return 'digits' in y ? -1 : compareText(x.word, y.word)
}

/** 1.0 is 1, 1.1 above it, 1-rc below. */
function compareToNothing(item: Item): number {
  if (Array.isArray(item)) {
    for (const one of item) {
      const difference = compareToNothing(one)
      if (difference !== 0) return difference
    }
    return 0
  }
  return 'digits' in item ? (isNull(item) ? 0 : 1) : compareText(item.word, RELEASE)
}
