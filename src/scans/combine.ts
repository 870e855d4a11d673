import type { ScanRow, ScanStatus } from '../metadata/tables/scans.ts'
import type { Inventory, InventoryPackage } from '../scanner/facts.ts'
import type { Finding, MatchResult } from '../scanner/finding.ts'
import { worstFirst } from '../scanner/matching/match.ts'
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
  return {
    status: scan.status,
    reason: scan.reason,
    snapshot: scan.snapshot,
    inventory: scan.inventory && unpack<Inventory>(scan.inventory).value,
    result: scan.report && unpack<MatchResult>(scan.report).value,
  }
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
  const parts = judged.map(({ scan }) => wholeOf(scan))
  const unknown = judged.find(({ scan }) => scan.status === 'unknown')
  const inventories = parts.flatMap(({ inventory }) => inventory ?? [])
  const results = parts.flatMap(({ result }) => result ?? [])
  return {
    status: unknown ? 'unknown' : 'scanned',
    reason: unknown ? `${unknown.digest}: ${unknown.scan.reason}` : null,
    snapshot: parts.find(({ snapshot }) => snapshot !== null)?.snapshot ?? null,
    inventory: {
      os: inventories[0]?.os ?? null,
      packages: distinct(
        inventories.flatMap(({ packages }) => packages),
        packageKey,
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
        (one) => `${one.advisory}\0${packageKey(one.package)}`,
      ),
      problems: distinct(
        results.flatMap(({ problems }) => problems),
        JSON.stringify,
      ),
    },
  }
}

const EMPTY = { snapshot: null, inventory: null, result: null } as const

function distinct<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [keyOf(one), one])).values()]
}

function packageKey(one: InventoryPackage): string {
  return [one.type, one.namespace, one.name, one.version, one.architecture, one.path, one.layer].join('\0')
}

function findingKey({ id, package: one }: Finding): string {
  return `${id}\0${packageKey(one)}`
}
