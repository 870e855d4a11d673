import type { AdvisoryIndex } from '../advisories/advisory-index.ts'
import type { Inventory, Problem } from '../facts.ts'
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
  const never = whyUnjudgeable(inventory)
  if (never !== null) return { status: 'unknown', reason: never, inventory }
  if (index === null) return { status: 'unknown', reason: NO_ADVISORIES, inventory }
  const result = match(inventory, index, about)
  const reason = whyUnknown(result.findings.length, result.problems)
  if (reason !== null) return { status: 'unknown', reason, inventory }
  return { status: 'scanned', inventory, result, snapshot: index.info }
}

export const NO_ADVISORIES = 'this installation has no advisories yet: import some, or set a feed'

/** Why no advisories can tell anything of it; null: they can. */
export function whyUnjudgeable({ os, packages, problems }: Inventory): string | null {
  const fatal = problems.find(({ weight }) => weight === 'fatal')
  if (fatal) return fatal.path ? `${fatal.path}: ${fatal.reason}` : fatal.reason
  if (packages.length > 0) return null
  return os
    ? `no packages were found, although it is ${os.prettyName ?? os.id}`
    : 'neither an operating system nor packages were found'
}

/** Why so many findings do not mean what they say; null: they do. `problems` of matching. */
export function whyUnknown(findings: number, problems: readonly Problem[]): string | null {
  const unjudged = problems.find(({ reason }) => /no advisories|have none/.test(reason))
  return findings === 0 && unjudged ? unjudged.reason : null
}
