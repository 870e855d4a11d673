import { DomainError } from '../domain/error.ts'
import type { ScanRow, ScanStatus, ScanSubject } from '../metadata/tables/scans.ts'
import type { SnapshotInfo } from '../scanner/advisories/advisory-index.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import { wholeOf } from './combine.ts'
import type { ScansDeps } from './deps.ts'
import type { ImageUnder } from './images-under.ts'
import type { ReportedOs } from './reported-os.ts'
import { osOf } from './reported-os.ts'
import type { BandCounts } from './tally.ts'
import { bandsOf } from './tally.ts'

/** One image of an index, in short: its own report tells the rest. */
export interface ReportOnImage {
  readonly digest: string
  /** `linux/arm64/v8`; null: the index does not say. */
  readonly platform: string | null
  readonly status: ScanStatus
  readonly reason: string | null
  readonly scannedAt: number | null
  readonly upToDate: boolean
  readonly os: ReportedOs | null
  readonly packages: number
  readonly counts: BandCounts
}

export function tellOf(platforms: ReadonlyMap<string, string>, inForce: InForce): (image: ImageUnder) => ReportOnImage {
  return ({ digest, manifestId, scan }) => {
    const whole = scan && wholeOf(scan)
    return {
      ...{ digest, platform: platforms.get(digest) ?? null },
      status: whole?.status ?? 'unknown',
      reason: whole ? whole.reason : manifestId === null ? 'it is not here: only its index was pushed' : NOT_YET,
      scannedAt: scan?.scanned_at ?? null,
      upToDate: scan ? isCurrent(scan, inForce) : manifestId === null,
      os: osOf(whole?.inventory ?? null),
      packages: whole?.inventory?.packages.length ?? 0,
      counts: bandsOf(whole?.result?.findings ?? []),
    }
  }
}

export interface InForce {
  readonly active: SnapshotInfo | null
  /** Whatever they concern was judged by these, this image among it: to one that was not, they have nothing to say. */
  readonly isSettled: boolean
}

/** Judged by what is known now, as it is read now. */
export function isCurrent(scan: ScanRow, { active, isSettled }: InForce): boolean {
  if (scan.status === 'not_applicable') return true
  return scan.analyzer_version === ANALYZER_VERSION && (isSettled || scan.snapshot === (active?.id ?? null))
}

const NOT_YET = 'it is not scanned yet'
/** Of the parts of a platform: whoever pushes writes them. */
const MAX_WORD = 40

/** By digest, as the index says. Source: image-spec 1.1, image-index.md, "platform". */
export async function platformsIn(
  { readManifest }: ScansDeps,
  { registry_id, repository, digest }: ScanSubject,
): Promise<Map<string, string>> {
  const bytes = await readManifest(registry_id, repository, digest).catch((error: unknown) => {
    if (error instanceof DomainError && error.kind === 'manifest_unknown') return null // deleted meanwhile
    throw error
  })
  const { manifests = [] } = bytes === null ? {} : (JSON.parse(Buffer.from(bytes).toString('utf8')) as Index)
  return new Map(
    manifests.flatMap(({ digest: child, platform }) => {
      const words = [platform?.os, platform?.architecture, platform?.variant].filter((word) => isWord(word))
      return words.length === 0 ? [] : [[child, words.join('/')] as const]
    }),
  )
}

/** It was read by `readManifest` when it was pushed: what is not there now never was. */
interface Index {
  readonly manifests?: readonly {
    readonly digest: string
    readonly platform?: { readonly os?: unknown; readonly architecture?: unknown; readonly variant?: unknown } | null
  }[]
}

function isWord(word: unknown): word is string {
  return typeof word === 'string' && word.length > 0 && word.length <= MAX_WORD && /^[\w.-]+$/.test(word)
}
