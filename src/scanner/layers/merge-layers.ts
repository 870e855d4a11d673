import type { Inventory, InventoryPackage, LayerFacts, OsRelease, Problem } from '../facts.ts'
import type { PackageType } from '../package.ts'
import type { TreeFile } from './file-tree.ts'
import { FileTree, packageKey } from './file-tree.ts'
import { osNamespace } from './os-namespace.ts'
import { withoutSuperseded } from './superseded.ts'

/** The databases of operating systems: what they own answers to the OS's vendor. */
const OS_TYPES: ReadonlySet<PackageType> = new Set(['apk', 'deb', 'rpm'])
/** Who reads them. */
const OS_ANALYZERS: ReadonlySet<string> = new Set(['apk', 'dpkg', 'rpm'])
/** Which os-release counts, if there are several. Source: os-release(5). */
const OS_RELEASE_PATHS = ['etc/os-release', 'usr/lib/os-release']

/** An image from its layers' facts, lowest first; `digest` is the layer blob's. */
export function mergeLayers(layers: readonly { readonly digest: string; readonly facts: LayerFacts }[]): Inventory {
  const tree = new FileTree()
  for (const { digest, facts } of layers) tree.apply(digest, facts)
  const linked = tree.linkedIntoNodeModules()
  const files = withoutSuperseded(tree.files(), (path) => linked.has(tree.place(path)))
  const owned = new Set(files.flatMap(({ facts }) => facts.owns.map((path) => tree.place(path))))
  const os = osOf(files)
  const packages = files
    .flatMap((file) => packagesOf(file, (path) => owned.has(tree.place(path))))
    .map((one) => ({ ...one, namespace: one.namespace ?? osNamespace(one.type, os) }))
  const problems: Problem[] = [
    ...layers.flatMap(({ facts }) => facts.problems),
    ...files.flatMap(({ facts }) => facts.problems),
  ]
  const isTold = problems.some(({ weight }) => weight === 'fatal')
  return { os, packages, problems: isTold ? problems : [...problems, ...emptyDatabase(files, packages)] }
}

function packagesOf({ facts, layer, since }: TreeFile, isOwned: (path: string) => boolean): InventoryPackage[] {
  return facts.packages.map((one) => ({
    ...one,
    layer: since.get(packageKey(one)) ?? layer,
    // Of a nested jar the outermost file is the one that somebody owns.
    osOwned: !OS_TYPES.has(one.type) && isOwned(one.path.split('!/', 1)[0] ?? one.path),
  }))
}

/**
 * A database that names no package was emptied, or is damaged in a way that nothing shows: the packages of an operating system are there
 * all the same. Beside another one with packages it may be empty: Debian has rpm as a tool, and `status` beside `status.d`.
 */
function emptyDatabase(files: readonly TreeFile[], packages: readonly InventoryPackage[]): Problem[] {
  if (packages.some(({ type }) => OS_TYPES.has(type))) return []
  const empty = files.find(({ facts }) => OS_ANALYZERS.has(facts.analyzer))
  if (empty === undefined) return []
  const { path, analyzer } = empty.facts
  const reason = `the package database of the operating system (${analyzer}) names no package`
  return [{ path, where: analyzer, reason, weight: 'fatal' }]
}

function osOf(files: readonly TreeFile[]): Inventory['os'] {
  const releases = files.filter(({ facts }) => facts.os !== null)
  const rank = ({ facts }: TreeFile): number => {
    const index = OS_RELEASE_PATHS.indexOf(facts.path)
    return index < 0 ? OS_RELEASE_PATHS.length : index
  }
  const [best] = releases.sort((a, b) => rank(a) - rank(b))
  const os: OsRelease | null = best?.facts.os ?? null
  if (os === null) return null
  return { ...os, hints: Object.assign({}, ...files.map(({ facts }) => facts.hints)) }
}
