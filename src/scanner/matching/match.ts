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
    ...assemble(inventory, (subject) => judgePackage(subject, index), surroundingsOf(inventory, about)),
    problems: problemsOf(traitsOf(inventory), index, about.today),
  }
}

/** What an image's packages are to advisories; what an OS package owns answers to its vendor only. */
export function subjectsOf(
  inventory: Pick<Inventory, 'os' | 'packages'>,
): { readonly one: InventoryPackage; readonly subject: JudgedSubject }[] {
  const os = ecosystemOfOs(inventory.os)
  return inventory.packages.flatMap((one) => {
    const subjects = one.osOwned ? [] : subjectsOfPackage(one, os)
    return subjects.map((subject) => ({ one, subject: { ...subject, module: streamOf(one.module) } }))
  })
}

/** The verdicts on an image's packages, with what the image knows of them. Null: nothing is said of it. */
export function assemble(
  inventory: Pick<Inventory, 'os' | 'packages'>,
  verdictOf: (subject: JudgedSubject, one: InventoryPackage) => PackageVerdict | null,
  around: Surroundings,
): Pick<MatchResult, 'findings' | 'cannotTell'> {
  const findings: Finding[] = []
  const cannotTell: CannotTell[] = []
  let last: InventoryPackage | null = null
  const told = new Set<string>()
  for (const { one, subject } of subjectsOf(inventory)) {
    const verdict = verdictOf(subject, one)
    // Advisories may know a package by two names: what is said of both is told once.
    if (last !== one) told.clear()
    last = one
    for (const said of verdict?.cannotTell ?? []) cannotTell.push({ package: one, ...said })
    for (const found of verdict?.findings.filter(({ id }) => !told.has(id)) ?? []) {
      told.add(found.id)
      findings.push(inImage(found, one, around))
    }
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
