/** Whoever is in `group` gets this. Owners are made by owners only, never by an identity provider. */
export interface RoleRule {
  readonly group: string
  readonly role: MappedRole
  /** Lets a member change registries; an admin may anyway. */
  readonly manageRegistry: boolean
}

export type MappedRole = 'admin' | 'member'

export interface MappedRights {
  readonly role: MappedRole
  readonly manageRegistry: boolean
}

/** The highest of all rules that fit; without one the default; null: stays out. */
export function rightsOf(
  groups: readonly string[],
  rules: readonly RoleRule[],
  defaultRole: MappedRole | null,
): MappedRights | null {
  const fitting = rules.filter(({ group }) => groups.includes(group))
  if (fitting.length === 0) return defaultRole && { role: defaultRole, manageRegistry: false }
  return {
    role: fitting.some(({ role }) => role === 'admin') ? 'admin' : 'member',
    manageRegistry: fitting.some(({ manageRegistry }) => manageRegistry),
  }
}

/** The groups that a provider names: a list of strings, or one string. */
export function groupsOf(claims: Readonly<Record<string, unknown>>, claim: string): readonly string[] {
  const value = claimOf(claims, claim)
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/**
 * The claim's name is taken as it stands (names with dots and URLs exist), else as a path into objects:
 * `realm_access.roles`. Undefined: nothing is said.
 */
export function claimOf(claims: Readonly<Record<string, unknown>>, claim: string): unknown {
  return Object.hasOwn(claims, claim) ? claims[claim] : claim.split('.').reduce<unknown>(step, claims)
}

function step(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}
