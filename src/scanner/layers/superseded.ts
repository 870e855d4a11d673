import { COMPOSER_LOCK } from '../analyzers/composer.ts'
import { NPM_LOCK } from '../analyzers/npm-lock.ts'
import type { TreeFile } from './file-tree.ts'

/** Of a lock file's analyzer: whose files, and where from the lock's directory, show that what it names was installed. */
const INSTALLED: ReadonlyMap<string, { readonly analyzer: string; readonly below: string }> = new Map([
  [NPM_LOCK, { analyzer: 'npm', below: 'node_modules/' }],
  [COMPOSER_LOCK, { analyzer: 'composer', below: '' }],
])

/**
 * Without the lock files beside which the packages themselves are installed: a lock says what was wanted (for every platform, for
 * development), what is installed is what runs.
 */
export function withoutSuperseded(files: readonly TreeFile[]): TreeFile[] {
  const installed = new Map<string, string[]>()
  for (const { facts } of files) {
    if (!installed.has(facts.analyzer)) installed.set(facts.analyzer, [])
    installed.get(facts.analyzer)?.push(facts.path)
  }
  const sorted = new Map([...installed].map(([analyzer, paths]) => [analyzer, paths.sort()]))
  return files.filter(({ facts }) => {
    const proof = INSTALLED.get(facts.analyzer)
    if (proof === undefined) return true
    const folder = facts.path.slice(0, facts.path.lastIndexOf('/') + 1) + proof.below
    return !hasPrefix(sorted.get(proof.analyzer) ?? [], folder)
  })
}

/** Whether one of these, in order, starts with `prefix`: thousands of locks against as many packages must not take their product. */
function hasPrefix(sorted: readonly string[], prefix: string): boolean {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') < prefix) low = middle + 1
    else high = middle
  }
  return sorted[low]?.startsWith(prefix) ?? false
}
