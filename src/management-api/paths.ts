import { rewriteRepositoryPath } from './repository-paths.ts'

const OURS = /^(?:\/containerregistries(?:[/?]|$)|\/api\/v1\/|\/(?:locations|names|registries|vulnerabilities)\/)/

/**
 * What the router sees of a path under a management door. A percent sign that begins no escape stands for itself: the
 * router would answer it, in a form of its own and before anybody is asked who they are.
 */
export function rewriteManagementPath(url: string): string {
  if (!OURS.test(url)) return url
  return rewriteRepositoryPath(isDecodable(url) ? url : withLiteralPercents(url))
}

function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(pathOf(url))
    return true
  } catch {
    return false
  }
}

function withLiteralPercents(url: string): string {
  const path = pathOf(url)
  return path.replaceAll('%', '%25') + url.slice(path.length)
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}
