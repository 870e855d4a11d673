/**
 * A path as the container will see it: relative to the root, without empty parts, `.` and `..` (which cannot leave the root).
 * The root itself is ''.
 */
export function cleanPath(path: string): string {
  // As `tar .` writes every one of them.
  const start = path.startsWith('./') ? 2 : 0
  const plain = path.endsWith('/') ? path.slice(start, -1) : path.slice(start)
  if (!NEEDS_CLEANING.test(plain)) return plain
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
