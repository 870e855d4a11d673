import type { ScanRow, ScanStatus } from '../metadata/tables/scans.ts'
import type { Inventory, InventoryPackage } from '../scanner/facts.ts'
import type { Finding, MatchResult } from '../scanner/finding.ts'
import type { PackageVerdict } from '../scanner/matching/judge-package.ts'
import { assemble, worstFirst } from '../scanner/matching/match.ts'
import { surroundingsOf } from '../scanner/matching/recommend.ts'
import { packageKey } from './packages.ts'
import { unpack } from './packed.ts'

/** A verdict with all that belongs to it. */
export interface Whole {
  readonly status: ScanStatus
  readonly reason: string | null
  readonly snapshot: string | null
  readonly inventory: Inventory | null
  readonly result: MatchResult | null
}

export function wholeOf(scan: ScanRow): Whole {
  return within(scan).whole
}

/** @throws RangeError beyond `maxBytes` of text. */
function within(scan: ScanRow, maxBytes?: number): { readonly whole: Whole; readonly bytes: number } {
  const { status, reason, snapshot } = scan
  const inventory = scan.inventory && unpack<Inventory>(scan.inventory, maxBytes)
  const isJudged = inventory !== null && status === 'scanned'
  const said = isJudged ? verdictsOf(scan, maxBytes) : { verdicts: new Map(), bytes: 0 }
  return {
    whole: {
      ...{ status, reason, snapshot, inventory: inventory?.value ?? null },
      result: isJudged ? resultOf(scan, inventory.value, said.verdicts) : null,
    },
    bytes: (inventory?.bytes ?? 0) + said.bytes,
  }
}

/** By the keys of packages. */
function verdictsOf({ said }: ScanRow, maxBytes = Number.POSITIVE_INFINITY) {
  const verdicts = new Map<string, PackageVerdict>()
  let bytes = 0
  for (const { key, content } of said) {
    const one = unpack<PackageVerdict>(content)
    bytes += one.bytes
    if (bytes > maxBytes) throw new RangeError('what is said of its packages is too much')
    verdicts.set(key, one.value)
  }
  return { verdicts, bytes }
}

/** What is said of its packages, and what the image adds to it. */
function resultOf(scan: ScanRow, inventory: Inventory, verdicts: ReadonlyMap<string, PackageVerdict>): MatchResult {
  const around = surroundingsOf(inventory, { today: scan.scanned_at, lowestLayer: scan.lowest_layer })
  const problems = JSON.parse(scan.problems) as MatchResult['problems']
  return { ...assemble(inventory, (one) => verdicts.get(packageKey(one)) ?? null, around), problems }
}

/** Of what the images of one index hold, as text: it is held together. */
const MAX_BYTES = 128 * 1024 * 1024

/** As many as fit, in their order. */
function fitting(images: readonly { readonly scan: ScanRow }[]): Whole[] {
  const parts: Whole[] = []
  let left = MAX_BYTES
  try {
    for (const { scan } of images) {
      const { whole, bytes } = within(scan, left)
      if (bytes >= left) return parts
      left -= bytes
      parts.push(whole)
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return parts
}

/**
 * An index from its images: one that cannot be judged makes the whole Unknown, though what was found in the others is told. Signatures and
 * attestations that it lists do not count. What two images have in common is told once.
 */
export function combine(images: readonly { readonly digest: string; readonly scan: ScanRow }[]): Whole {
  const judged = images.filter(({ scan }) => scan.status !== 'not_applicable')
  if (judged.length === 0) {
    return images.length === 0
      ? { ...EMPTY, status: 'unknown', reason: 'none of the images it lists is here' }
      : { ...EMPTY, status: 'not_applicable', reason: 'it lists no container image' }
  }
  const parts = fitting(judged)
  const unknown = judged.find(({ scan }) => scan.status === 'unknown')
  const reason = unknown ? `${unknown.digest}: ${unknown.scan.reason}` : parts.length < judged.length ? TOO_MUCH : null
  const inventories = parts.flatMap(({ inventory }) => inventory ?? [])
  const results = parts.flatMap(({ result }) => result ?? [])
  return {
    status: reason === null ? 'scanned' : 'unknown',
    reason,
    snapshot: parts.find(({ snapshot }) => snapshot !== null)?.snapshot ?? null,
    inventory: {
      os: inventories[0]?.os ?? null,
      packages: distinct(
        inventories.flatMap(({ packages }) => packages),
        placeKey,
      ),
      problems: distinct(
        inventories.flatMap(({ problems }) => problems),
        JSON.stringify,
      ),
    },
    result: {
      findings: distinct(
        results.flatMap(({ findings }) => findings),
        findingKey,
      ).sort(worstFirst),
      cannotTell: distinct(
        results.flatMap(({ cannotTell }) => cannotTell),
        (one) => `${one.advisory}\0${placeKey(one.package)}`,
      ),
      problems: distinct(
        results.flatMap(({ problems }) => problems),
        JSON.stringify,
      ),
    },
  }
}

const TOO_MUCH = `what its images hold takes more than ${MAX_BYTES} bytes to tell together: each of them has a report of its own`

const EMPTY = { snapshot: null, inventory: null, result: null } as const

function distinct<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [keyOf(one), one])).values()]
}

function placeKey(one: InventoryPackage): string {
  return [one.type, one.namespace, one.name, one.version, one.architecture, one.path, one.layer].join('\0')
}

function findingKey({ id, package: one }: Finding): string {
  return `${id}\0${placeKey(one)}`
}
