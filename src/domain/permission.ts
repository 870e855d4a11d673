/** What a caller wants to do with a repository's contents; `catalog` is the registry-wide list. */
export type Action = 'pull' | 'push' | 'delete'

/** As the management API stores them, word for word (management-api.md 4.3). */
export interface Scope {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** One entry of a JWT: which repository of which registry, by internal id (design.md 8). */
export interface AccessEntry {
  readonly registryId: number
  /** `repository` with its relative name, or `registry` with name `catalog`. */
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly Action[]
}

/** A Map: scopes hold any word that somebody stored, `constructor` too. */
const GRANTS: ReadonlyMap<string, readonly Action[]> = new Map([
  ['pull', ['pull']],
  ['read', ['pull']],
  ['push', ['push']],
  ['write', ['push']],
  ['delete', ['delete']],
  ['*', ['pull', 'push', 'delete']],
])

/** Does `pattern` match `name`? `*` stands for any characters, `/` included. Linear in both lengths times the stars. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  if (parts.length === 1) return first === name
  const last = parts[parts.length - 1] ?? ''
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  let from = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/** The repository actions that `scopes` grant on `repository`. Unknown types and actions grant nothing. */
export function actionsOn(scopes: readonly Scope[], repository: string): Set<Action> {
  const granted = new Set<Action>()
  for (const scope of scopes) {
    if (scope.type !== 'repository' || !matchesPattern(scope.name, repository)) continue
    for (const word of scope.actions) for (const action of GRANTS.get(word) ?? []) granted.add(action)
  }
  return granted
}

/** May these scopes list the registry's catalog? A `registry` scope with `*`, `list`, `pull` or `read`. */
export function mayListCatalog(scopes: readonly Scope[]): boolean {
  return scopes.some(
    (scope) =>
      scope.type === 'registry' &&
      matchesPattern(scope.name, 'catalog') &&
      scope.actions.some((word) => word === '*' || word === 'list' || word === 'pull' || word === 'read'),
  )
}
