import type { AdvisoryIndex } from '../advisories/advisory-index.ts'
import type { Inventory } from '../facts.ts'
import type { Verdict } from '../finding.ts'
import { match } from './match.ts'

/**
 * The verdict on an image: unknown where it could not be read, where there is nothing to judge it by, or where "no findings" would only mean that
 * nobody looked. Source: product.md 7; scanning.md, "Status model".
 */
export function verdictOn(
  inventory: Inventory,
  index: AdvisoryIndex | null,
  about: { readonly today: number; readonly lowestLayer: string | null },
): Verdict {
  const fatal = inventory.problems.find(({ weight }) => weight === 'fatal')
  if (fatal)
    return { status: 'unknown', reason: fatal.path ? `${fatal.path}: ${fatal.reason}` : fatal.reason, inventory }
  if (inventory.packages.length === 0) {
    const reason = inventory.os
      ? `no packages were found, although it is ${inventory.os.prettyName ?? inventory.os.id}`
      : 'neither an operating system nor packages were found'
    return { status: 'unknown', reason, inventory }
  }
  if (index === null) {
    return {
      status: 'unknown',
      reason: 'this installation has no advisories yet: import some, or set a feed',
      inventory,
    }
  }
  const result = match(inventory, index, about)
  const unjudged = result.problems.find(({ reason }) => /no advisories|have none/.test(reason))
  if (result.findings.length === 0 && unjudged) return { status: 'unknown', reason: unjudged.reason, inventory }
  return { status: 'scanned', inventory, result, snapshot: index.info }
}
