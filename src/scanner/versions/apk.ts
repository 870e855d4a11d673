import type { Compare } from './compare.ts'

// Source: apk-tools 3, `apk version -t`. A version is a row of tokens; which kinds may follow which is part of the order:
// the kind that comes earlier in this list is the greater one where two versions part.
const DIGIT_OR_ZERO = 0
const DIGIT = 1
const LETTER = 2
const SUFFIX = 3
const SUFFIX_NUMBER = 4
const REVISION = 5
const END = 6
const INVALID = 7

/** Before the release, and after it, from the lowest. */
const BEFORE = ['alpha', 'beta', 'pre', 'rc']
const AFTER = ['cvs', 'svn', 'git', 'hg', 'p']

/** Reads token after token; `kind` is that of the next one. */
class Tokens {
  readonly #text: string
  #at = 0
  kind = DIGIT

  constructor(text: string) {
    this.#text = text
  }

  /** The value of the next token; the one behind it becomes the next. */
  take(): bigint {
    if (this.#at >= this.#text.length) {
      this.kind = END
      return 0n
    }
    const start = this.#at
    const value = this.#value()
    if (value === null) {
      this.kind = INVALID
      return -1n
    }
    const wasLeadingZeros = this.kind === DIGIT_OR_ZERO && this.#text[start] === '0'
    if (this.#at >= this.#text.length) this.kind = END
    else if (wasLeadingZeros) this.kind = DIGIT
    else this.#next()
    return value
  }

  #value(): bigint | null {
    switch (this.kind) {
      case DIGIT_OR_ZERO:
        return this.#text[this.#at] === '0' ? -BigInt(this.#run(/0/).length) : this.#digits()
      case DIGIT:
      case SUFFIX_NUMBER:
      case REVISION:
        return this.#digits()
      case LETTER:
        this.#at += 1
        return BigInt(this.#text.charCodeAt(this.#at - 1))
      case SUFFIX:
        return this.#suffix()
      default:
        return null
    }
  }

  #digits(): bigint {
    return BigInt(this.#run(/\d/) || 0)
  }

  #suffix(): bigint | null {
    for (const [words, base] of [
      [BEFORE, -BEFORE.length],
      [AFTER, 0],
    ] as const) {
      const index = words.findIndex((word) => this.#text.startsWith(word, this.#at))
      if (index < 0) continue
      this.#at += words[index]?.length ?? 0
      return BigInt(base + index)
    }
    return null
  }

  #run(allowed: RegExp): string {
    const start = this.#at
    while (this.#at < this.#text.length && allowed.test(this.#text[this.#at] ?? '')) this.#at += 1
    return this.#text.slice(start, this.#at)
  }

  #next(): void {
    const found = this.#kindHere()
    const goesBack =
      (found === DIGIT_OR_ZERO && this.kind === DIGIT) ||
      (found === SUFFIX && this.kind === SUFFIX_NUMBER) ||
      (found === DIGIT && this.kind === LETTER)
    this.kind = found < this.kind && !goesBack ? INVALID : found
  }

  #kindHere(): number {
    const here = this.#text[this.#at] ?? ''
    if ((this.kind === DIGIT || this.kind === DIGIT_OR_ZERO) && here >= 'a' && here <= 'z') return LETTER
    if (this.kind === LETTER && here >= '0' && here <= '9') return DIGIT
    if (this.kind === SUFFIX && here >= '0' && here <= '9') return SUFFIX_NUMBER
    this.#at += 1
    if (here === '.') return DIGIT_OR_ZERO
    if (here === '_') return SUFFIX
    if (here !== '-' || !/^r(?![a-z])/.test(this.#text.slice(this.#at, this.#at + 2))) return INVALID
    this.#at += 1
    return REVISION
  }

  /** How this version goes on where another one ends or goes on otherwise; a dot that no digit follows is nothing good. */
  get kindAtParting(): number {
    return this.kind === DIGIT_OR_ZERO && !/\d/.test(this.#text[this.#at] ?? '') ? INVALID : this.kind
  }
}

/** Anything has an order; an empty text is no version. */
export const compareApk: Compare = (a, b) => {
  if (a === '' || b === '') return null
  const [left, right] = [new Tokens(a), new Tokens(b)]
  let [x, y] = [0n, 0n]
  while (left.kind === right.kind && left.kind !== END && left.kind !== INVALID && x === y) {
    x = left.take()
    y = right.take()
  }
  if (x !== y) return x < y ? -1 : 1
  if (left.kind === right.kind) return 0
  // One goes on: it is the greater one, unless what follows says that it comes before the release.
  if (left.kind === SUFFIX && left.take() < 0n) return -1
  if (right.kind === SUFFIX && right.take() < 0n) return 1
  return right.kindAtParting - left.kindAtParting
}
