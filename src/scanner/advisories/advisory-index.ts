/** One point in a range. Source: OSV schema 1.7, `events`. */
export type RangeEvent =
  | { readonly introduced: string }
  | { readonly fixed: string }
  | { readonly lastAffected: string }
  | { readonly limit: string }

export interface AffectedRange {
  readonly type: 'SEMVER' | 'ECOSYSTEM'
  readonly events: readonly RangeEvent[]
}

/** `module` of an entry that is for builds of modules, of which ones it does not say; and of one that is for no module's. */
export const ANY_MODULE = '*'
export const NO_MODULE = ''

/** What one advisory says of one package: a record may have several for the same package (lines 2.7, 2.8, 2.9). */
export interface Affected {
  readonly advisory: string
  /** As OSV writes it: `Debian:12`, `Alpine:v3.20`, `AlmaLinux:9`, `npm`, `PyPI`, `Go`, `Maven`, `crates.io` … */
  readonly ecosystem: string
  readonly name: string
  readonly ranges: readonly AffectedRange[]
  readonly versions: readonly string[]
  /**
   * The vendor's word beyond ranges; null: none. `not_affected` wins over every other record of the same vulnerability and package (secdb
   * version 0); `wont_fix`: no fix will come (Debian ignored, end-of-life); `deferred`: not yet (no-dsa, postponed).
   */
  readonly status: 'not_affected' | 'wont_fix' | 'deferred' | 'under_investigation' | null
  /** The vendor's severity or urgency in its own word; null: none. */
  readonly vendorSeverity: string | null
  /** An rpm's module stream that this entry is for, `nodejs:16`, or `ANY_MODULE` or `NO_MODULE`; null: whatever the package is of. */
  readonly module: string | null
  /** Of this package alone, beside those of the record. */
  readonly scores?: readonly Score[]
}

export interface Score {
  /** Who says so: `nvd`, `CISA-ADP`, `GitHub`, `osv:GHSA`, a CNA's short name. */
  readonly source: string
  /** `2.0`, `3.0`, `3.1`, `4.0`. */
  readonly version: string
  readonly vector: string | null
  /** Computed from the vector; without one, as stated. Null: only a word. */
  readonly score: number | null
  /** As stated, when that differs from the computed one. */
  readonly stated: number | null
}

/** One vulnerability record, without what it affects. Withdrawn ones are not in an index. */
export interface Advisory {
  readonly id: string
  readonly aliases: readonly string[]
  readonly summary: string | null
  readonly details: string | null
  /** Milliseconds UTC. */
  readonly publishedAt: number | null
  readonly modifiedAt: number | null
  /** Which source it came from: `osv`, `alpine-secdb`, `debian-tracker`. */
  readonly source: string
  readonly references: readonly string[]
  /** From `severity` of the record itself. */
  readonly scores: readonly Score[]
  /** CVEs that a vendor's record bundles without being an alias of them (`upstream`, and `related` of DSA, ALSA). */
  readonly covers: readonly string[]
}

/** What is known of a CVE besides advisories. */
export interface CveFacts {
  readonly id: string
  readonly title: string | null
  readonly description: string | null
  readonly publishedAt: number | null
  readonly updatedAt: number | null
  readonly scores: readonly Score[]
  /** In CISA's catalog of known exploited vulnerabilities, since (milliseconds UTC); null: not. */
  readonly knownExploitedSince: number | null
  readonly epss: { readonly probability: number; readonly percentile: number } | null
}

export interface SourceState {
  readonly name: string
  /** What it was taken for: `OSV`, `Alpine secdb`, `Debian tracker`, `CVSS scores`, `KEV`, `EPSS`. */
  readonly kind: string
  readonly records: number
  /** Newest `modified` among its records, and when it was taken in: milliseconds UTC. */
  readonly newest: number | null
  readonly importedAt: number
}

export interface SnapshotInfo {
  /** `sha256:…` of the content. */
  readonly id: string
  readonly createdAt: number
  readonly sources: readonly SourceState[]
}

/** One immutable state of what the world knows. All answers are in memory or one index read away; synchronous. */
export interface AdvisoryIndex {
  readonly info: SnapshotInfo
  /** Is there anything at all for this ecosystem (`Debian:12`)? Without, "nothing found" means nothing. */
  hasEcosystem(ecosystem: string): boolean
  affecting(ecosystem: string, name: string): readonly Affected[]
  advisory(id: string): Advisory | null
  /** Ids that are the same flaw as `id` (transitively, through `aliases` only), `id` included. */
  aliasGroup(id: string): readonly string[]
  cve(id: string): CveFacts | null
}
