import type { Severity } from '../domain/severity.ts'
import { severityOfRank } from '../domain/severity.ts'
import type { ArtifactSummary } from '../metadata/tables/artifact-lists.ts'
import type { RegistryRow } from '../metadata/tables/registries.ts'
import type { RepositorySummary } from '../metadata/tables/repository-lists.ts'

/** Where it lies, as far as its address needs it. */
export interface RegistryAddress {
  readonly contractId: number
  /** The public id. */
  readonly id: string
  readonly location: string
}

export interface Made {
  readonly at: number
  /** An e-mail, `token:ci`, `key:laptop (…)`. */
  readonly by: string
  /** Public id of the person; null: a machine, or nobody any more. */
  readonly byId: string | null
}

/** A repository as its owner sees it. Times are milliseconds UTC, null: never. */
export interface RepositoryView {
  readonly name: string
  readonly created: Made
  readonly artifactCount: number
  readonly pullCount: number
  readonly pushCount: number
  readonly lastPushedAt: number | null
  readonly lastPulledAt: number | null
  /** Of the artifact pushed last; null: not known. */
  readonly lastSeverity: Severity | null
}

/** Any manifest: an image, an index, an image of an index, something attached to an image. */
export interface ArtifactView {
  readonly repository: string
  readonly digest: string
  readonly mediaType: string
  readonly tags: readonly string[]
  /** Its first push. */
  readonly created: Made
  readonly pullCount: number
  readonly pushCount: number
  readonly lastPushedAt: number
  readonly lastPulledAt: number | null
  readonly lastScannedAt: number | null
  /** null: not scanned, or what was scanned could not be read. */
  readonly findings: {
    readonly maxSeverity: Severity
    /** The sum of the scores. */
    readonly totalScore: number
    readonly count: number
    readonly fixable: number
  } | null
}

export function toRegistryAddress({ contract_id, public_id, location }: RegistryRow): RegistryAddress {
  return { contractId: contract_id, id: public_id, location }
}

export function toRepositoryView(row: RepositorySummary): RepositoryView {
  return {
    name: row.name,
    created: madeOf(row),
    artifactCount: row.artifact_count,
    pullCount: row.pull_count,
    pushCount: row.push_count,
    lastPushedAt: timeOf(row.last_pushed_at),
    lastPulledAt: timeOf(row.last_pulled_at),
    lastSeverity: row.last_severity === null ? null : severityOfRank(row.last_severity),
  }
}

export function toArtifactView(row: ArtifactSummary): ArtifactView {
  return {
    repository: row.repository,
    digest: row.digest,
    mediaType: row.media_type,
    tags: row.tags === null ? [] : row.tags.split(' '),
    created: madeOf(row),
    pullCount: row.pull_count,
    pushCount: row.push_count,
    lastPushedAt: row.last_pushed_at,
    lastPulledAt: timeOf(row.last_pulled_at),
    lastScannedAt: timeOf(row.last_scanned_at),
    findings: findingsOf(row),
  }
}

function findingsOf({ max_severity, score_tenths, finding_count, fixable_count }: ArtifactSummary) {
  if (max_severity === null || score_tenths === null || finding_count === null || fixable_count === null) return null
  return {
    maxSeverity: severityOfRank(max_severity),
    totalScore: score_tenths / 10,
    count: finding_count,
    fixable: fixable_count,
  }
}

function madeOf({ created_at, created_by, created_by_id }: ArtifactSummary | RepositorySummary): Made {
  return { at: created_at, by: created_by, byId: created_by_id }
}

function timeOf(ms: number): number | null {
  return ms === 0 ? null : ms
}
