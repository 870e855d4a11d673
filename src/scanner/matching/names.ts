import { isOsPackage } from '../ecosystem.ts'
import type { OsRelease } from '../facts.ts'
import type { Package } from '../package.ts'

/** A package as those write it who install it: of an OS without its namespace, which is the OS. */
export function writtenName(one: Package): string {
  const { type, namespace, name } = one
  if (namespace === null || isOsPackage(one)) return name
  return `${namespace}${type === 'maven' ? ':' : '/'}${name}`
}

/** An OS as it calls itself; where that does not tell which release it is, with that (`Distroless (debian 11)`). */
export function osName({ id, versionId, prettyName }: OsRelease): string {
  const release = versionId === null ? id : `${id} ${versionId}`
  if (prettyName === null) return release
  return versionId === null || prettyName.includes(versionId) || /\d/.test(prettyName)
    ? prettyName
    : `${prettyName} (${release})`
}
