import { severityRank } from '../../domain/severity.ts'
import type { AdvisoryIndex } from '../advisories/advisory-index.ts'
import { ecosystemOfOs, subjectsOfPackage } from '../ecosystem.ts'
import type { Inventory, InventoryPackage } from '../facts.ts'
import type { CannotTell, Finding, MatchResult } from '../finding.ts'
import type { JudgedSubject, PackageFinding, PackageVerdict } from './judge-package.ts'
import { judgePackage, streamOf } from './judge-package.ts'
import { problemsOf, traitsOf } from './problems.ts'
import type { Surroundings } from './recommend.ts'
import { recommend, surroundingsOf } from './recommend.ts'

/**
 * Which of what the world knows concerns these packages. Touches no layer and no database but the index. `today`: milliseconds UTC;
 * `lowestLayer`: the digest of the image's first layer, for advice about its base.
 */
export function match(
  inventory: Inventory,
  index: AdvisoryIndex,
  about: { readonly today: number; readonly lowestLayer: string | null },
): MatchResult {
  return {
    ...assemble(inventory, ({ subjects }) => judgePackage(subjects, index), surroundingsOf(inventory, about)),
    problems: problemsOf(traitsOf(inventory), index, about.today),
  }
}

/** A package of an image, and what it is to advisories: at least one subject, all of one ecosystem. */
export interface Judgeable {
  readonly one: InventoryPackage
  readonly subjects: readonly JudgedSubject[]
}

/** What an OS package owns answers to its vendor only. */
export function judgeables(inventory: Pick<Inventory, 'os' | 'packages'>): Judgeable[] {
  const os = ecosystemOfOs(inventory.os)
  return inventory.packages.flatMap((one) => {
    const subjects = one.osOwned ? [] : subjectsOfPackage(one, os)
    const module = streamOf(one.module)
    return subjects.length === 0 ? [] : [{ one, subjects: subjects.map((subject) => ({ ...subject, module })) }]
  })
}

/** The verdicts on an image's packages, with what the image knows of them. Null: nothing is said of it. */
export function assemble(
  inventory: Pick<Inventory, 'os' | 'packages'>,
  verdictOf: (judgeable: Judgeable) => PackageVerdict | null,
  around: Surroundings,
): Pick<MatchResult, 'findings' | 'cannotTell'> {
  const findings: Finding[] = []
  const cannotTell: CannotTell[] = []
  for (const judgeable of judgeables(inventory)) {
    const { one } = judgeable
    const verdict = verdictOf(judgeable)
    for (const said of verdict?.cannotTell ?? []) cannotTell.push({ package: one, ...said })
    for (const found of verdict?.findings ?? []) findings.push(inImage(found, one, around))
  }
  return { findings: findings.sort(worstFirst), cannotTell }
}

function inImage(found: PackageFinding, one: InventoryPackage, around: Surroundings): Finding {
  const known = { ...found, package: one, doubt: one.doubt }
  return { ...known, recommendations: recommend(known, around) }
}

/** By band, since words without a score have one, too; then by score. */
export function worstFirst(a: Finding, b: Finding): number {
  return (
    severityRank(b.severity) - severityRank(a.severity) ||
    (b.score ?? -1) - (a.score ?? -1) ||
    compareTexts(a.id, b.id) ||
    compareTexts(a.package.path, b.package.path)
  )
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
