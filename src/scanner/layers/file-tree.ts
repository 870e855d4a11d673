import type { FileFacts, LayerFacts } from '../facts.ts'
import { cleanPath, resolveTarget } from './clean-path.ts'
import { lookupOf, pathLookup, somePrefix } from './path-hashes.ts'

/** More links than this in a row are a loop. Source: path_resolution(7), MAXSYMLINKS. */
const MOST_LINKS = 40
/** Characters looked at for one path: links of 4 kB that lead to each other, with a million files behind them, are not followed to their end. */
const MOST_LOOKED_AT = 16 * 1024

const IN_NODE_MODULES = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/.@][^/]*$/

/** One analysed file of the final state. */
export interface TreeFile {
  readonly facts: FileFacts
  /** Digest of the layer it came with. */
  readonly layer: string
  /** For each of its packages, by `packageKey`, the layer since which this file names it without interruption. */
  readonly since: ReadonlyMap<string, string>
}

/**
 * What remains of the analysed files and links of layers that lie upon each other, from the lowest up. Source: OCI image-spec 1.1,
 * layer.md, "Applying Changesets".
 */
export class FileTree {
  /** By place: the path with the links of its directories followed, and the analyzer. */
  readonly #files = new Map<string, { readonly path: string; readonly file: TreeFile }>()
  readonly #links = new Map<string, string>()
  /** Hashes of where the links are; of some that are gone, too. */
  readonly #linkHashes = new Set<number>()
  /** Where directories of files lead, as long as no link changes. */
  readonly #places = new Map<string, string>()

  apply(layer: string, facts: LayerFacts): void {
    const before = new Map(this.#files)
    this.#removeWhere(goneIn(facts))
    for (const { path, target } of facts.links) this.#link(this.place(path), target)
    for (const file of facts.files) this.#add(layer, file, before)
  }

  files(): TreeFile[] {
    return [...this.#files.values()].map(({ file }) => file)
  }

  /** The `package.json` of each folder to which a link in some `node_modules` leads. */
  linkedIntoNodeModules(): Set<string> {
    const links = [...this.#links].filter(([path]) => IN_NODE_MODULES.test(path))
    return new Set(links.map(([path, target]) => this.place(`${resolveTarget(path, target)}/package.json`)))
  }

  /** The path with the links among its directories followed. */
  place(path: string): string {
    if (this.#links.size === 0) return path
    const slash = path.lastIndexOf('/')
    const directory = path.slice(0, Math.max(slash, 0))
    const known = this.#places.get(directory) ?? this.#follow(directory)
    this.#places.set(directory, known)
    return slash < 0 ? path : joined(known, path.slice(slash + 1))
  }

  #follow(directory: string): string {
    let place = directory
    let looked = 0
    for (let links = 0; links < MOST_LINKS && looked < MOST_LOOKED_AT; links += 1) {
      looked += place.length
      const end = this.#firstLink(place)
      if (end === null) return place
      const link = place.slice(0, end)
      place = cleanPath(joined(resolveTarget(link, this.#links.get(link) ?? ''), place.slice(end + 1)))
    }
    return place
  }

  /** Where the first part that is a link ends. */
  #firstLink(path: string): number | null {
    let found: number | null = null
    somePrefix(path, (end, high, low) => {
      if (!this.#linkHashes.has(keyOf(high, low)) || !this.#links.has(path.slice(0, end))) return false
      found = end
      return true
    })
    return found
  }

  #link(place: string, target: string): void {
    this.#links.set(place, target)
    this.#noteHash(place)
    this.#places.clear()
  }

  #noteHash(place: string): void {
    somePrefix(place, (end, high, low) => {
      if (end === place.length) this.#linkHashes.add(keyOf(high, low))
      return false
    })
  }

  #add(layer: string, facts: FileFacts, before: ReadonlyMap<string, { readonly file: TreeFile }>): void {
    const path = this.place(facts.path)
    const key = `${facts.analyzer} ${path}`
    const earlier = before.get(key)?.file.since
    const since = new Map(facts.packages.map((one) => [packageKey(one), earlier?.get(packageKey(one)) ?? layer]))
    this.#files.set(key, { path, file: { facts, layer, since } })
  }

  #removeWhere({ isGone, isEmptied }: Gone): void {
    for (const [key, { path }] of this.#files) if (isGone(path)) this.#files.delete(key)
    // What is emptied is a directory, whatever link was there.
    for (const path of this.#links.keys()) if (isGone(path) || isEmptied(path)) this.#links.delete(path)
    this.#places.clear()
  }
}

interface Gone {
  readonly isGone: (path: string) => boolean
  readonly isEmptied: (path: string) => boolean
}

/**
 * What a layer takes away from those below: what it hides, what is in a directory that it empties, and, since a non-directory takes the
 * place of whatever was at its path, a whole tree of that name.
 */
function goneIn({ opaque, whiteouts, nonDirectories }: LayerFacts): Gone {
  if (opaque.includes('')) return { isGone: () => true, isEmptied: () => true }
  const [isReplaced, isHidden, isEmpty] = [pathLookup(nonDirectories), lookupOf(whiteouts), lookupOf(opaque)]
  const isGone = (path: string): boolean =>
    somePrefix(
      path,
      (end, high, low) => isReplaced(high, low) || isHidden(high, low) || (end < path.length && isEmpty(high, low)),
    )
  const emptied = new Set(opaque)
  return { isGone, isEmptied: (path) => emptied.has(path) }
}

/** 53 of 64 bits, as a number. */
function keyOf(high: number, low: number): number {
  return high * 0x200000 + (low >>> 11)
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

/** A package within one database. */
export function packageKey(one: FileFacts['packages'][number]): string {
  return JSON.stringify([one.type, one.namespace, one.name, one.version, one.architecture])
}
