import { compare, valid } from '@renovatebot/pep440'
import type { Compare } from './compare.ts'
import { compareText } from './natural.ts'

/**
 * PEP 440 by the library; what is no valid version sorts before all that are, in the order setuptools had for them
 * (packaging 21, LegacyVersion), as old advisories mean it.
 */
export const comparePep440: Compare = (a, b) => {
  if (a === '' || b === '') return null
  const [left, right] = [isValid(a), isValid(b)]
  if (left && right) return compare(a, b)
  if (left !== right) return left ? 1 : -1
  return compareKeys(legacyKey(a), legacyKey(b))
}

function isValid(text: string): boolean {
  return valid(text) !== null
}

const WORDS: Readonly<Record<string, string>> = { pre: 'c', preview: 'c', '-': 'final-', rc: 'c', dev: '@' }

function legacyKey(version: string): string[] {
  const key: string[] = []
  for (const part of partsOf(version.toLowerCase())) {
    if (part.startsWith('*')) {
      if (part < '*final') while (key.at(-1) === '*final-') key.pop()
      while (key.at(-1) === '00000000') key.pop()
    }
    key.push(part)
  }
  return key
}

function partsOf(version: string): string[] {
  const parts = version
    .split(/(\d+|[a-z]+|\.|-)/)
    .filter((part) => part !== '' && part !== '.')
    .map((part) => (Object.hasOwn(WORDS, part) ? (WORDS[part] ?? part) : part))
    .map((part) => (/^\d/.test(part) ? part.padStart(8, '0') : `*${part}`))
  return [...parts, '*final']
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = compareText(a[i] ?? '', b[i] ?? '')
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
