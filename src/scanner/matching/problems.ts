import type { AdvisoryIndex } from '../advisories/advisory-index.ts'
import { ecosystemOfOs, isOsPackage, subjectsOfPackage } from '../ecosystem.ts'
import type { Inventory, Problem } from '../facts.ts'
import { supportEnds } from './end-of-life.ts'
import { osName } from './names.ts'

/** What of an image, besides its packages, decides what its verdict is worth. Plain JSON. */
export interface ImageTraits {
  readonly os: Inventory['os']
  readonly hasOsPackages: boolean
  /** Ecosystems of languages, or types of packages that nobody's advisories we know name. */
  readonly languages: readonly string[]
  /** Of Java, without a group. Absent: not counted yet. */
  readonly groupless?: number
}

export function traitsOf({ os, packages }: Inventory): ImageTraits {
  const languages = packages.flatMap((one) =>
    isOsPackage(one) || one.osOwned ? [] : (subjectsOfPackage(one, null)[0]?.ecosystem ?? one.type),
  )
  const groupless = packages.filter(
    ({ type, namespace, osOwned }) => type === 'maven' && namespace === null && !osOwned,
  )
  const all = { os, hasOsPackages: packages.some(isOsPackage), languages: [...new Set(languages)] }
  return { ...all, groupless: groupless.length }
}

/** What makes "nothing found" mean less than it says. */
export function problemsOf(
  { os, hasOsPackages, languages, groupless = 0 }: ImageTraits,
  index: AdvisoryIndex,
  today: number,
): Problem[] {
  const osEcosystem = ecosystemOfOs(os)
  const problem = (reason: string): Problem => ({ path: null, where: 'matching', reason, weight: 'partial' })
  const problems: Problem[] = []
  const name = os ? osName(os) : 'the operating system'
  const end = os && supportEnds(os)
  if (end !== null && end < today) {
    const day = new Date(end).toISOString().slice(0, 10)
    problems.push(
      problem(`${name} is no longer supported (since ${day}): new vulnerabilities in it are not announced any more`),
    )
  }
  if (hasOsPackages) {
    if (osEcosystem === null)
      problems.push(problem(`there are no advisories for ${name}: its packages cannot be judged`))
    else if (!index.hasEcosystem(osEcosystem))
      problems.push(problem(`the advisories at hand have none for ${osEcosystem}`))
  }
  // Arch has another database than those that are read; and somebody may have taken Debian's away.
  if (os && !hasOsPackages)
    problems.push(problem(`no package of ${name} was found: nothing of the system itself was judged`))
  for (const ecosystem of languages) {
    if (!index.hasEcosystem(ecosystem)) problems.push(problem(`the advisories at hand have none for ${ecosystem}`))
  }
  if (groupless > 0)
    problems.push(
      problem(
        `archives of Java that do not say of which group they are: ${groupless}; no advisory on them can be found`,
      ),
    )
  return problems
}
