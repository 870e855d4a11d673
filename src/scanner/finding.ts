import type { Severity } from '../domain/severity.ts'
import type { Score, SnapshotInfo } from './advisories/advisory-index.ts'
import type { Inventory, InventoryPackage, Problem } from './facts.ts'

/** One vulnerability in one package of one image: one for each alias group, whatever the number of records. */
export interface Finding {
  /** The CVE's where there is one, else the advisory's: what people search for. */
  readonly id: string
  readonly aliases: readonly string[]
  /** CVEs that a vendor's record bundles without being the same flaw. */
  readonly covers: readonly string[]
  readonly package: InventoryPackage
  /** By the exposed score's band; without a score by the vendor's word; `unknown` if neither, never `none`. */
  readonly severity: Severity
  /** The highest of all sources; null: none gives one. */
  readonly score: number | null
  readonly scores: readonly Score[]
  /** A fixed version exists, or the vendor names a mitigation. */
  readonly fixable: boolean
  readonly fixedVersion: string | null
  /** The vendor's word on a fix, for people; null: none. */
  readonly status: 'wont_fix' | 'deferred' | 'under_investigation' | null
  readonly title: string | null
  readonly description: string | null
  readonly publishedAt: number | null
  readonly updatedAt: number | null
  readonly references: readonly string[]
  /** Where the match came from: advisory id and source. */
  readonly matchedBy: readonly { readonly advisory: string; readonly source: string }[]
  readonly knownExploitedSince: number | null
  readonly epss: { readonly probability: number; readonly percentile: number } | null
  /** What to do, most useful first; never empty. */
  readonly recommendations: readonly string[]
  /** Something that makes the match less sure; null: nothing. */
  readonly doubt: string | null
}

/** A package that could not be judged: its version is not comparable. Shown, never silent. */
export interface CannotTell {
  readonly package: InventoryPackage
  readonly advisory: string
  readonly reason: string
}

export interface MatchResult {
  readonly findings: readonly Finding[]
  readonly cannotTell: readonly CannotTell[]
  /** Such as an OS that nobody watches any more, or one without advisories in this snapshot. */
  readonly problems: readonly Problem[]
}

/** The verdict on one image. `unknown` always has a reason. */
export type Verdict =
  | {
      readonly status: 'scanned'
      readonly inventory: Inventory
      readonly result: MatchResult
      readonly snapshot: SnapshotInfo
    }
  | { readonly status: 'unknown'; readonly reason: string; readonly inventory: Inventory | null }
  | { readonly status: 'not_applicable'; readonly reason: string }
