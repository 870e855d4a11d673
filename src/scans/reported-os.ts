import type { Inventory } from '../scanner/facts.ts'
import { supportEnds } from '../scanner/matching/end-of-life.ts'
import { osName } from '../scanner/matching/names.ts'

export interface ReportedOs {
  readonly id: string
  readonly version: string | null
  /** As it calls itself. */
  readonly name: string
  /** When its vendor stops mending it, or has stopped; null: not known. */
  readonly endOfLife: number | null
}

export function osOf(inventory: Inventory | null): ReportedOs | null {
  const os = inventory?.os ?? null
  return os && { id: os.id, version: os.versionId, name: osName(os), endOfLife: supportEnds(os) }
}
