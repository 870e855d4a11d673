import { CHISEL } from '../analyzers/chisel.ts'
import { COMPOSER_LOCK } from '../analyzers/composer.ts'
import { LANGUAGE_LOCK } from '../analyzers/language-lock.ts'
import { NPM_LINKED } from '../analyzers/npm.ts'
import { NPM_LOCK } from '../analyzers/npm-lock.ts'
import { canonicalName } from '../ecosystem.ts'
import type { Package } from '../package.ts'
import type { TreeFile } from './file-tree.ts'

/** Of a lock file's analyzer: whose files, and where from the lock's directory, show that what it names was installed. */
const INSTALLED: ReadonlyMap<string, { readonly analyzer: string; readonly below: string }> = new Map([
  [NPM_LOCK, { analyzer: 'npm', below: 'node_modules/' }],
  [COMPOSER_LOCK, { analyzer: 'composer', below: '' }],
])

/** `status` or `status.d/…`: builders of sliced images write one, for scanners, with the sources. */
const DPKG_STATUS = 'var/lib/dpkg/status'

/**
 * Without what something else says better: the lock files beside which the packages themselves are installed (a lock says what was
 * wanted, for every platform, for development; what is installed is what runs), folders of npm's that nobody linked in, and the
 * metadata that a build left in the sources of what is installed.
 */
export function withoutSuperseded(files: readonly TreeFile[], isLinked: (path: string) => boolean): TreeFile[] {
  const installed = new Map<string, string[]>()
  for (const { facts } of files) {
    if (!installed.has(facts.analyzer)) installed.set(facts.analyzer, [])
    installed.get(facts.analyzer)?.push(facts.path)
  }
  const sorted = new Map([...installed].map(([analyzer, paths]) => [analyzer, paths.sort()]))
  const names = namesInstalled(files)
  const projects = new Set(files.filter((file) => !isBuildMetadata(file)).flatMap(projectsOf))
  return files.filter((file) => {
    const { analyzer, path } = file.facts
    if (analyzer === NPM_LINKED) return isLinked(path)
    if (analyzer === LANGUAGE_LOCK) return !file.facts.packages.some((one) => names.has(nameOf(one)))
    if (analyzer === CHISEL) return !hasPrefix(sorted.get('dpkg') ?? [], DPKG_STATUS)
    if (isBuildMetadata(file)) return !projectsOf(file).some((one) => projects.has(one))
    const proof = INSTALLED.get(analyzer)
    if (proof === undefined) return true
    const folder = path.slice(0, path.lastIndexOf('/') + 1) + proof.below
    return !hasPrefix(sorted.get(proof.analyzer) ?? [], folder)
  })
}

/** What is installed, wherever, of the kinds that the locks at hand name; a lock says nothing of where. */
function namesInstalled(files: readonly TreeFile[]): ReadonlySet<string> {
  const types = new Set(
    files
      .flatMap(({ facts }) => (facts.analyzer === LANGUAGE_LOCK ? facts.packages.slice(0, 1) : []))
      .map(({ type }) => type),
  )
  if (types.size === 0) return new Set()
  const installed = files.filter(({ facts }) => facts.analyzer !== LANGUAGE_LOCK).flatMap(({ facts }) => facts.packages)
  return new Set(installed.filter(({ type }) => types.has(type)).map(nameOf))
}

function nameOf({ type, name, version }: Package): string {
  return `${type} ${type === 'pypi' ? canonicalName('PyPI', name) : name} ${version}`
}

/** `src/app.egg-info`: setuptools makes one wherever it builds, and for `pip install -e`, which installs a dist-info as well. */
function isBuildMetadata({ facts: { analyzer, path } }: TreeFile): boolean {
  return analyzer === 'pypi' && path.endsWith('.egg-info/PKG-INFO') && !/(?:^|\/)(?:site|dist)-packages\//.test(path)
}

function projectsOf({ facts }: TreeFile): string[] {
  if (facts.analyzer !== 'pypi') return []
  return facts.packages.map(({ name, version }) => `${canonicalName('PyPI', name)} ${version}`)
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
