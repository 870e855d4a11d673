import { isOsPackage } from '../ecosystem.ts'
import type { Inventory } from '../facts.ts'
import type { Finding } from '../finding.ts'
import { supportEnds } from './end-of-life.ts'
import { osName, writtenName } from './names.ts'
import { TREAT_FIRST } from './urgency.ts'

type Known = Pick<Finding, 'package' | 'fixable' | 'fixedVersion' | 'status' | 'knownExploitedSince'>

/** What the image around a finding allows. */
export interface Surroundings {
  /** How its OS brings a package up to date in a build; null: it has nothing for that, as distroless images. */
  readonly upgrade: ((name: string) => string) | null
  /** The name of its OS, if its vendor mends nothing any more. */
  readonly ended: string | null
  readonly lowestLayer: string | null
}

/** By the package that brings it, the first that is there. */
const MANAGERS: readonly (readonly [type: string, manager: string, upgrade: (name: string) => string])[] = [
  ['apk', 'apk-tools', (name) => `apk upgrade --no-cache ${name}`],
  ['deb', 'apt', (name) => `apt-get update && apt-get install -y --only-upgrade ${name}`],
  ['rpm', 'dnf', (name) => `dnf upgrade -y ${name}`],
  ['rpm', 'dnf5', (name) => `dnf5 upgrade -y ${name}`],
  ['rpm', 'microdnf', (name) => `microdnf upgrade -y ${name}`],
  ['rpm', 'yum', (name) => `yum update -y ${name}`],
  ['rpm', 'tdnf', (name) => `tdnf update -y ${name}`],
  ['rpm', 'zypper', (name) => `zypper --non-interactive update ${name}`],
]

/** `today`: milliseconds UTC; `lowestLayer`: the digest of the image's first layer. */
export function surroundingsOf(
  { os, packages }: Inventory,
  { today, lowestLayer }: { readonly today: number; readonly lowestLayer: string | null },
): Surroundings {
  const has = (type: string, name: string) => packages.some((one) => one.type === type && one.name === name)
  const [, , upgrade = null] = MANAGERS.find(([type, manager]) => has(type, manager)) ?? []
  const end = os && supportEnds(os)
  return { upgrade, ended: os && end !== null && end < today ? osName(os) : null, lowestLayer }
}

/** What to do about one finding, most useful first; never empty. Source: product.md 7 and 8. */
export function recommend(finding: Known, around: Surroundings): string[] {
  const advice = [...fixAdvice(finding, around), ...baseAdvice(finding, around)]
  return finding.knownExploitedSince === null ? advice : [TREAT_FIRST, ...advice]
}

function fixAdvice(finding: Known, around: Surroundings): string[] {
  const { package: one, fixedVersion } = finding
  if (fixedVersion === null) return withoutFix(finding, around)
  const name = writtenName(one)
  if (!isOsPackage(one)) {
    return [
      `Upgrade ${name} to ${fixedVersion} or later and rebuild the image.`,
      `If another dependency brings ${name} in, upgrade that one or review whether it is needed (${one.path}).`,
    ]
  }
  const source = one.source !== null && one.source.name !== one.name ? ` (of the source ${one.source.name})` : ''
  const how = around.upgrade
    ? `, in the build: ${around.upgrade(one.name)}`
    : ': the image has no package manager, so rebuild it on a base that has it'
  return [`Upgrade ${one.name}${source} to ${fixedVersion} or later${how}.`]
}

function withoutFix({ package: one, fixable, status }: Known, { ended }: Surroundings): string[] {
  const name = writtenName(one)
  const instead = isOsPackage(one) ? 'move to a smaller base (distroless, scratch)' : 'use another one in its place'
  const limits = `Limit the risk: remove ${name} if nothing needs it, or ${instead}.`
  if (fixable) return ['The vendor names a mitigation: see the references.', limits]
  if (isOsPackage(one) && ended !== null) return [`There is no fixed version of ${name}.`, limits]
  if (status === 'wont_fix') {
    return [
      `The vendor says that no fix will come for this release: move to a newer release or another base image.`,
      limits,
    ]
  }
  if (status === 'deferred') return ['The vendor has put a fix off: watch for it, and rebuild when it comes.', limits]
  if (status === 'under_investigation') return ['The vendor is still looking into it.', limits]
  return [`There is no fixed version of ${name} yet.`, limits]
}

/** What the lowest layer brings comes from the base image, unless the image was built from nothing. */
function baseAdvice({ package: one, fixedVersion }: Known, { ended, lowestLayer }: Surroundings): string[] {
  const isOfOs = isOsPackage(one)
  if (isOfOs && ended !== null)
    return [`${ended} is no longer supported, its vendor mends nothing any more: move to a newer release.`]
  if (one.layer !== lowestLayer) return []
  const where = 'It is in the lowest layer, which usually is the base image'
  if (!isOfOs) return [`${where}: rebuild on a newer base, or choose a smaller one.`]
  return fixedVersion === null
    ? [`${where}: a smaller base (distroless, scratch) may not need it.`]
    : [`${where}: rebuild on a newer version of the base.`]
}
