import type { FoundPackage } from './package.ts'

/** Rises whenever a layer would be read differently; facts of another version are read anew. */
export const ANALYZER_VERSION = 3

/** What could not be examined, for the report: an image with problems is never called clean because of what they hide. */
export interface Problem {
  /** Null: the whole layer or image. */
  readonly path: string | null
  /** `layers`, `config`, or the analyzer's name. */
  readonly where: string
  /** A sentence for people: what could not be read and why. */
  readonly reason: string
  /**
   * `fatal`: what the image holds cannot be told (unreadable package database, corrupt layer, limit hit): the status is Unknown.
   * `partial`: one file of one package could not be read; the rest of the report stands.
   */
  readonly weight: 'fatal' | 'partial'
}

/** From os-release and its kin. Source: os-release(5). */
export interface OsRelease {
  /** ID, lower case: `debian`, `alpine`, `rhel`, `almalinux`, `ubuntu`. */
  readonly id: string
  readonly idLike: readonly string[]
  /** VERSION_ID as written; null: a rolling release or none given. */
  readonly versionId: string | null
  readonly codename: string | null
  readonly prettyName: string | null
}

/** What one analyzer made of one file. A file it was asked to read but that holds nothing gives empty lists: it still hides the one below. */
export interface FileFacts {
  readonly path: string
  readonly analyzer: string
  readonly packages: readonly FoundPackage[]
  /** Paths that an OS package of this database owns, as far as they could mark language packages (site-packages, node_modules, jars, gems …). */
  readonly owns: readonly string[]
  readonly os: OsRelease | null
  /** Other hints: `apk-repositories` → `edge`, `apt-suite` → `sid`. */
  readonly hints: Readonly<Record<string, string>>
  readonly problems: readonly Problem[]
}

/** Everything one layer says, by itself. Kept by (contract, layer digest, ANALYZER_VERSION); plain JSON. */
export interface LayerFacts {
  readonly analyzerVersion: number
  /** Of the uncompressed bytes, as computed: `sha256:…`. */
  readonly diffId: string
  readonly uncompressedBytes: number
  readonly entries: number
  readonly files: readonly FileFacts[]
  /** Paths that this layer hides in those below (`.wh.NAME`), and directories it empties of them (`.wh..wh..opq`). */
  readonly whiteouts: readonly string[]
  readonly opaque: readonly string[]
  /** Symbolic links that matter to finding files again (etc/os-release → usr/lib/os-release, lib → usr/lib). */
  readonly links: readonly { readonly path: string; readonly target: string }[]
  /**
   * All paths of this layer that are not directories, so that one put over a directory or file below hides it: base64 of their sorted
   * 64-bit hashes (see `path-hashes.ts`).
   */
  readonly nonDirectories: string
  readonly problems: readonly Problem[]
}

/** A package of the final state of an image. */
export interface InventoryPackage extends FoundPackage {
  /** Digest of the layer that first introduced it in the final state. */
  readonly layer: string
  /** Its files belong to a package of the OS: the OS vendor's advisories answer for it, not the language's. */
  readonly osOwned: boolean
}

/** What an image holds. */
export interface Inventory {
  readonly os: (OsRelease & { readonly hints: Readonly<Record<string, string>> }) | null
  readonly packages: readonly InventoryPackage[]
  readonly problems: readonly Problem[]
}
