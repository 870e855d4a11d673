/**
 * A path as the container will see it: relative to the root, without empty parts, `.` and `..` (which cannot leave the root).
 * The root itself is ''.
 */
export function cleanPath(path: string): string {
  if (!NEEDS_CLEANING.test(path)) return path
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** A slash at either end or twice, or a part of dots alone. */
const NEEDS_CLEANING = /^\/|\/$|\/\/|(^|\/)\.{1,2}(\/|$)/

/** Where a link leads, as a path of the same kind. Source: symlink(7). */
export function resolveTarget(linkPath: string, target: string): string {
  if (target.startsWith('/')) return cleanPath(target)
  const slash = linkPath.lastIndexOf('/')
  return cleanPath(`${slash < 0 ? '' : linkPath.slice(0, slash)}/${target}`)
}
