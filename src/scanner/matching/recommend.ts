import { isOsPackage } from '../ecosystem.ts'
import type { Finding } from '../finding.ts'

type Known = Pick<Finding, 'package' | 'fixable' | 'fixedVersion' | 'status' | 'knownExploitedSince'>

/** How an OS's packages are brought up to date in a build, by type of package. */
const UPGRADE: Readonly<Record<string, (name: string) => string>> = {
  apk: (name) => `apk upgrade ${name}`,
  deb: (name) => `apt-get update && apt-get install --only-upgrade ${name}`,
  rpm: (name) => `dnf upgrade ${name}`,
}

/** What to do about one finding, most useful first; never empty. Source: product.md 7 and 8. */
export function recommend(finding: Known, place: { readonly isInLowestLayer: boolean }): string[] {
  const advice = [...fixAdvice(finding), ...(place.isInLowestLayer ? baseAdvice(finding) : [])]
  if (finding.knownExploitedSince !== null) {
    advice.unshift('It is known to be exploited: treat this before others.')
  }
  return advice
}

function fixAdvice(finding: Known): string[] {
  const { package: one, fixedVersion } = finding
  if (fixedVersion === null) return withoutFix(finding)
  if (!isOsPackage(one)) {
    return [
      `Upgrade ${one.name} to ${fixedVersion} or later and rebuild the image.`,
      `If another dependency brings ${one.name} in, upgrade that one or review whether it is needed (${one.path}).`,
    ]
  }
  const source = one.source !== null && one.source.name !== one.name ? ` (of the source ${one.source.name})` : ''
  const command = UPGRADE[one.type]?.(one.name)
  return [`Upgrade ${one.name}${source} to ${fixedVersion} or later${command ? `, in the build: ${command}` : ''}.`]
}

function withoutFix({ package: one, fixable, status }: Known): string[] {
  const limits = `Limit the risk: remove ${one.name} if nothing needs it, or move to a smaller base (distroless, scratch).`
  if (fixable) return ['The vendor names a mitigation: see the references.', limits]
  if (status === 'wont_fix') {
    return [
      `The vendor says that no fix will come for this release: move to a newer release or another base image.`,
      limits,
    ]
  }
  if (status === 'deferred') return ['The vendor has put a fix off: watch for it, and rebuild when it comes.', limits]
  if (status === 'under_investigation') return ['The vendor is still looking into it.', limits]
  return [`There is no fixed version of ${one.name} yet.`, limits]
}

function baseAdvice({ package: one, fixedVersion }: Known): string[] {
  if (!isOsPackage(one)) return ['It comes with the base image: rebuild on a newer base, or choose a smaller one.']
  return fixedVersion === null
    ? ['It comes with the base image: a smaller base (distroless, scratch) may not need it.']
    : ['It comes with the base image: rebuild on a newer version of the base.']
}
