import type { FileFacts, LayerFacts } from '../facts.ts'
import { resolveTarget } from './clean-path.ts'
import type { PathHash } from './path-hashes.ts'
import { pathHash, pathLookup } from './path-hashes.ts'

/** More links than this in a row are a loop. Source: path_resolution(7), MAXSYMLINKS. */
const MOST_LINKS = 40

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
  /** Of directories, where `place` finds them; forgotten when links change. */
  readonly #followed = new Map<string, string>()
  /** Of paths that were looked up in one layer, for the next ones. */
  readonly #hashes = new Map<string, PathHash>()

  apply(layer: string, facts: LayerFacts): void {
    const before = new Map(this.#files)
    for (const directory of facts.opaque) this.#removeWhere((path) => isBelow(path, directory))
    for (const hidden of facts.whiteouts) this.#removeWhere((path) => path === hidden || isBelow(path, hidden))
    this.#removeReplaced(pathLookup(facts.nonDirectories))
    for (const { path, target } of facts.links) {
      this.#links.set(this.place(path), target)
      this.#followed.clear()
    }
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
    const slash = path.lastIndexOf('/')
    if (slash < 0) return path
    const directory = path.slice(0, slash)
    const known = this.#followed.get(directory)
    const place = known ?? this.#follow(directory)
    if (known === undefined) this.#followed.set(directory, place)
    return place === '' ? path.slice(slash + 1) : `${place}${path.slice(slash)}`
  }

  #follow(directory: string): string {
    let [done, rest] = ['', directory.split('/')]
    for (let links = 0; rest.length > 0; ) {
      const [part = '', ...more] = rest
      const here = done === '' ? part : `${done}/${part}`
      const target = this.#links.get(here)
      if (target === undefined || links >= MOST_LINKS) {
        done = here
        rest = more
      } else {
        links += 1
        done = ''
        rest = [
          ...resolveTarget(here, target)
            .split('/')
            .filter((one) => one !== ''),
          ...more,
        ]
      }
    }
    return done
  }

  #add(layer: string, facts: FileFacts, before: ReadonlyMap<string, { readonly file: TreeFile }>): void {
    const path = this.place(facts.path)
    const key = `${facts.analyzer} ${path}`
    const earlier = before.get(key)?.file.since
    const since = new Map(facts.packages.map((one) => [packageKey(one), earlier?.get(packageKey(one)) ?? layer]))
    this.#files.set(key, { path, file: { facts, layer, since } })
  }

  #removeWhere(isGone: (path: string) => boolean): void {
    for (const [key, { path }] of this.#files) if (isGone(path)) this.#files.delete(key)
    for (const path of this.#links.keys()) if (isGone(path)) this.#links.delete(path)
    this.#followed.clear()
  }

  /** A non-directory takes the place of whatever was at its path, a whole tree included. */
  #removeReplaced(isInLayer: (hash: PathHash) => boolean): void {
    const known = new Map<string, boolean>()
    this.#removeWhere((path) => {
      for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
        if (this.#isIn(path.slice(0, at), isInLayer, known)) return true
      }
      return this.#isIn(path, isInLayer, known)
    })
  }

  #isIn(path: string, isInLayer: (hash: PathHash) => boolean, known: Map<string, boolean>): boolean {
    const before = known.get(path)
    if (before !== undefined) return before
    const hash = this.#hashes.get(path) ?? pathHash(path)
    this.#hashes.set(path, hash)
    const answer = isInLayer(hash)
    known.set(path, answer)
    return answer
  }
}

/** A package within one database. */
export function packageKey(one: FileFacts['packages'][number]): string {
  return JSON.stringify([one.type, one.namespace, one.name, one.version, one.architecture])
}

/** Everything is below the root, ''. */
function isBelow(path: string, directory: string): boolean {
  return directory === '' || path.startsWith(`${directory}/`)
}
