import { DomainError } from '../domain/error.ts'
import { parseLine } from '../domain/text-line.ts'
import type { SsoProviderRow } from '../metadata/tables/sso-providers.ts'
import type { MappedRole, RoleRule } from './role-mapping.ts'

/** An identity provider as its contract sees it; its secret is never told. */
export interface Provider {
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly hasClientSecret: boolean
  readonly scopes: readonly string[]
  readonly groupsClaim: string
  readonly roleMapping: readonly RoleRule[]
  readonly defaultRole: MappedRole | null
  readonly enabled: boolean
  readonly createdAt: number
  readonly modifiedAt: number | null
}

/** What can be changed later; absent stays as it is. */
export interface ProviderChange {
  readonly name?: string | undefined
  readonly clientId?: string | undefined
  /** Null: a public client. */
  readonly clientSecret?: string | null | undefined
  readonly scopes?: readonly string[] | undefined
  readonly groupsClaim?: string | undefined
  readonly roleMapping?: readonly RoleRule[] | undefined
  readonly defaultRole?: MappedRole | null | undefined
  readonly enabled?: boolean | undefined
}

export interface NewProvider extends ProviderChange {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
}

/** All values, checked; the secret in the clear. */
export interface ProviderValues {
  readonly name: string
  readonly clientId: string
  readonly clientSecret: string | null
  readonly scopes: readonly string[]
  readonly groupsClaim: string
  readonly roleMapping: readonly RoleRule[]
  readonly defaultRole: MappedRole | null
  readonly enabled: boolean
}

const MOST_RULES = 200
const MOST_SCOPES = 20
const WELL_KNOWN = '/.well-known/openid-configuration'
const DEFAULTS = {
  clientSecret: null,
  scopes: ['openid', 'profile', 'email'],
  groupsClaim: 'groups',
  roleMapping: [],
  defaultRole: null,
  enabled: true,
} as const

export function newValues(input: NewProvider): ProviderValues {
  return changedValues({ ...DEFAULTS, name: '', clientId: '' }, input)
}

/** @throws `input_invalid` naming the field and the rule. */
export function changedValues(before: ProviderValues, change: ProviderChange): ProviderValues {
  const { name, clientId, clientSecret, scopes, groupsClaim, roleMapping, defaultRole, enabled } = change
  return {
    name: name === undefined ? before.name : parseLine('name', name, 100),
    clientId: clientId === undefined ? before.clientId : parseLine('clientId', clientId, 500),
    clientSecret: clientSecret === undefined ? before.clientSecret : parseSecretText(clientSecret),
    scopes: scopes === undefined ? before.scopes : parseScopes(scopes),
    groupsClaim: groupsClaim === undefined ? before.groupsClaim : parseLine('groupsClaim', groupsClaim, 200),
    roleMapping: roleMapping === undefined ? before.roleMapping : parseRules(roleMapping),
    defaultRole: defaultRole === undefined ? before.defaultRole : defaultRole,
    enabled: enabled ?? before.enabled,
  }
}

/** As an issuer is written: scheme, host and path. What people copy is often the address of its configuration. */
export function parseIssuer(text: string): string {
  const trimmed = text.trim()
  const bare = trimmed.endsWith(WELL_KNOWN) ? trimmed.slice(0, -WELL_KNOWN.length) : trimmed
  const url = URL.parse(bare)
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:'
  const isBare = url !== null && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
  if (isHttp && isBare && bare.length <= 500 && !url.pathname.includes('/.well-known/')) return bare
  throw new DomainError(
    'input_invalid',
    `issuer "${text.slice(0, 200)}" is not valid: write the provider's https URL, such as https://id.example.com/realms/acme`,
  )
}

export function toProvider(row: SsoProviderRow): Provider {
  return {
    id: row.public_id,
    name: row.name,
    issuer: row.issuer,
    clientId: row.client_id,
    hasClientSecret: row.client_secret !== null,
    scopes: JSON.parse(row.scopes),
    groupsClaim: row.groups_claim,
    roleMapping: JSON.parse(row.role_mapping),
    defaultRole: row.default_role,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
  }
}

function parseSecretText(secret: string | null): string | null {
  if (secret === null) return null
  if (secret !== '' && secret.length <= 1_000 && !secret.includes('\0')) return secret
  throw new DomainError('input_invalid', 'clientSecret must have 1 to 1000 characters; null: a public client')
}

/** Source: RFC 6749, 3.3. */
function parseScopes(scopes: readonly string[]): readonly string[] {
  const unique = [...new Set(['openid', ...scopes])]
  const wrong = unique.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(scope))
  if (wrong === undefined && unique.length <= MOST_SCOPES) return unique
  throw new DomainError(
    'input_invalid',
    wrong === undefined
      ? `scopes has ${unique.length} entries: at most ${MOST_SCOPES} are allowed`
      : `scopes entry "${wrong.slice(0, 100)}" is not valid: a scope is 1 to 100 printable ASCII characters without spaces`,
  )
}

function parseRules(rules: readonly RoleRule[]): readonly RoleRule[] {
  if (rules.length > MOST_RULES) {
    throw new DomainError('input_invalid', `roleMapping has ${rules.length} entries: at most ${MOST_RULES} are allowed`)
  }
  return rules.map(({ group, role, manageRegistry }) => {
    if (group !== '' && group.length <= 300 && !group.includes('\0')) return { group, role, manageRegistry }
    throw new DomainError('input_invalid', 'a group in roleMapping must have 1 to 300 characters')
  })
}
