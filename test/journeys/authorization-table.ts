import { randomBytes, randomUUID } from 'node:crypto'
import type { Access } from '../../src/domain/access.ts'
import { identityByEmail } from '../../src/metadata/tables/identities.ts'
import { ensureSchedule } from '../../src/metadata/tables/schedules.ts'
import { insertSsoProvider } from '../../src/metadata/tables/sso-providers.ts'
import { insertSsoSubject } from '../../src/metadata/tables/sso-subjects.ts'
import type { ApiWorld } from '../support/api-world.ts'

/**
 * Who may use which operation of the management APIs: the whole of it. An operation that is not in TABLE fails
 * authorization-matrix.test.ts, and so does a caller who is answered otherwise.
 *
 * A new operation is one line: its access word (docs/control-plane.md), what it answers those who may, and what it needs:
 *   body     what is sent; a function when it must be new each time
 *   alone    each caller asks in a world of their own: it ends what the others need
 *   params   values of path parameters that MAKE does not know, or means differently
 *   query    without the question mark
 *   except   where a caller is answered otherwise than the access word says
 *   shared   the path names nothing of the contract: another contract's owner is answered like this one's
 * A new kind of thing in paths is a line in MAKE: it makes one in the contract, new for each request.
 */
export interface Row {
  readonly access: Access
  readonly status: number
  readonly body?: unknown
  readonly params?: Readonly<Record<string, Maker>>
  readonly query?: string
  readonly except?: Partial<Readonly<Record<Caller, number>>>
  readonly shared?: true
  readonly alone?: true
}

export const CALLERS = {
  nobody: 'no credentials',
  stranger: "another contract's owner",
  member: 'a member',
  manager: 'a member with Manage Registry',
  admin: 'an admin',
  owner: 'an owner',
  operator: 'an operator who is a member',
  readOnlyKey: "an owner's API key that may only read",
  otherKey: "an owner's API key for another registry",
} as const
export type Caller = keyof typeof CALLERS

/** Where things are made: the contract, its owner, and what the path has named so far. */
export interface Place {
  readonly world: ApiWorld
  readonly contract: number
  readonly owner: string
  readonly params: Readonly<Record<string, string>>
}
type Maker = (place: Place) => Promise<string> | string

const REPOSITORY = 'team/app'
const TAG = 'v1'
const newId = () => randomUUID()
const name = () => `n${randomBytes(6).toString('hex')}`
const newRegistry = () => ({ properties: { name: name(), location: 'de/fra' } })
const newToken = () => ({ properties: { name: name() } })

const newEmail = () => `${name()}@example.com`
const PASSWORD = 'correct horse battery staple'
const newLogin = async ({ world, contract }: Place) => {
  const email = newEmail()
  await world.people.user(contract, email, { password: PASSWORD })
  return { email, password: PASSWORD }
}
const newInvitation = (place: Place) => create(place, '/api/v1/invitations', { email: newEmail() })
const newLink = async ({ world, owner }: Place) => {
  const { json } = await world.call('POST', '/api/v1/invitations', { as: owner, body: { email: newEmail() } })
  return { secret: json.secret, password: PASSWORD }
}
const newContract = async ({ world }: Place) => `${await world.people.contract(name())}`
const newSchedule = async ({ world }: Place) => {
  await world.people.transact((sql) => ensureSchedule(sql, 'sweep the yard'))
  return 'sweep the yard'
}
const newDeadJob = async ({ world }: Place) => {
  const job = await world.people.transact(
    (sql) => sql.get<{ id: number }>`
      INSERT INTO jobs (kind, state, run_after, created_at) VALUES ('scan', 'dead', 0, 0) RETURNING id`,
  )
  return `${job?.id}`
}

const PROVIDER = {
  name: '',
  issuer: 'https://id.example',
  clientId: 'x',
  clientSecret: null,
  scopes: [],
  groupsClaim: 'groups',
  roleMapping: [],
  defaultRole: null,
  enabled: false,
} as const
const newSignedOn = async ({ world, contract }: Place) => {
  const email = newEmail()
  const userId = await world.people.user(contract, email)
  await world.people.transact(async (sql) => {
    const identityId = (await identityByEmail(sql, email))?.id ?? 0
    const { issuer } = PROVIDER
    await insertSsoSubject(sql, { contractId: contract, issuer, subject: email, identityId, lastLoginAt: null })
  })
  return userId
}
/** As an administrator has made it; the API would ask the provider whether it is there. */
const newProvider = async ({ world, contract }: Place) => {
  const publicId = newId()
  await world.people.transact((sql) => insertSsoProvider(sql, contract, publicId, { ...PROVIDER, name: name() }))
  return publicId
}
const newSubject = async ({ world, contract }: Place) => ({
  userId: await world.people.user(contract, newEmail()),
  subject: name(),
})

/** By the name of the path parameter. Those before it in the path are made already. */
export const MAKE: Readonly<Record<string, Maker>> = {
  registryId: (place) => create(place, '/registries', newRegistry()),
  tokenId: (place) => create(place, `/registries/${place.params['registryId']}/tokens`, newToken()),
  secretId: async ({ world, owner, params }) => {
    const url = `/api/v1/registries/${params['registryId']}/tokens/${params['tokenId']}`
    return (await world.call('GET', url, { as: owner })).json.secrets[0].id
  },
  repositoryName: async ({ world, params }) => {
    await world.push(params['registryId'] ?? '', REPOSITORY, TAG)
    return REPOSITORY
  },
  userId: ({ world, contract }) => world.people.user(contract, newEmail()),
  apiKeyId: (place) => create(place, '/api/v1/api-keys', { name: name() }),
  invitationId: newInvitation,
  contractId: newContract,
  providerId: newProvider,
  digest: ({ world, params }) => world.push(params['registryId'] ?? '', REPOSITORY, TAG),
}

export const TABLE: Readonly<Record<string, Row>> = {
  // the documentation
  'GET /api/openapi.json': { access: 'public', status: 200 },

  // the product's API
  'GET /locations': { access: 'read', status: 200 },
  'HEAD /names/{name}': { access: 'read', status: 404, params: { name }, shared: true },
  'GET /registries': { access: 'read', status: 200 },
  'POST /registries': { access: 'manage', status: 201, body: newRegistry, except: { otherKey: 403 } },
  'GET /registries/{registryId}': { access: 'read', status: 200 },
  'PUT /registries/{registryId}': {
    access: 'manage',
    status: 201,
    params: { registryId: newId },
    body: newRegistry,
    shared: true,
    except: { otherKey: 403 },
  },
  'PATCH /registries/{registryId}': { access: 'manage', status: 200, body: { apiSubnetAllowList: [] } },
  'DELETE /registries/{registryId}': { access: 'manage', status: 204 },
  'GET /registries/{registryId}/tokens': { access: 'read', status: 200 },
  'POST /registries/{registryId}/tokens': { access: 'manage', status: 201, body: newToken },
  'GET /registries/{registryId}/tokens/{tokenId}': { access: 'read', status: 200 },
  'PUT /registries/{registryId}/tokens/{tokenId}': {
    access: 'manage',
    status: 201,
    params: { tokenId: newId },
    body: newToken,
  },
  'PATCH /registries/{registryId}/tokens/{tokenId}': { access: 'manage', status: 200, body: { status: 'disabled' } },
  'DELETE /registries/{registryId}/tokens/{tokenId}': { access: 'manage', status: 204 },
  'GET /registries/{registryId}/repositories': { access: 'read', status: 200 },
  'GET /registries/{registryId}/repositories/{repositoryName}': { access: 'read', status: 200 },
  'DELETE /registries/{registryId}/repositories/{repositoryName}': { access: 'manage', status: 204 },
  'GET /registries/{registryId}/artifacts': { access: 'read', status: 200 },
  'GET /registries/{registryId}/repositories/{repositoryName}/artifacts': { access: 'read', status: 200 },
  'GET /registries/{registryId}/repositories/{repositoryName}/artifacts/{digest}': { access: 'read', status: 200 },
  'GET /registries/{registryId}/repositories/{repositoryName}/artifacts/{digest}/vulnerabilities': {
    access: 'read',
    status: 200,
  },
  'GET /vulnerabilities/{vulnerabilityId}': { access: 'read', status: 404, params: { vulnerabilityId: newId } },

  // ours
  'POST /api/v1/sessions': { access: 'public', status: 201, body: newLogin, alone: true },
  'GET /api/v1/sessions': { access: 'self', status: 200, except: { readOnlyKey: 403, otherKey: 403 } },
  'DELETE /api/v1/sessions': { access: 'self', status: 200, alone: true },
  'DELETE /api/v1/sessions/current': { access: 'self', status: 204, alone: true },
  'DELETE /api/v1/sessions/{sessionId}': { access: 'self', status: 404, params: { sessionId: newId } },
  'GET /api/v1/me': { access: 'self', status: 200 },
  'PATCH /api/v1/me': { access: 'self', status: 200, body: { displayName: 'Ann' } },
  'GET /api/v1/me/profile': { access: 'self', status: 200 },
  'GET /api/v1/me/contracts': { access: 'self', status: 200 },
  'PUT /api/v1/me/password': { access: 'self', status: 403, body: { currentPassword: 'x', password: PASSWORD } },
  'GET /api/v1/api-keys': { access: 'self', status: 200 },
  'POST /api/v1/api-keys': { access: 'self', status: 201, body: () => ({ name: name() }) },
  'GET /api/v1/api-keys/{apiKeyId}': {
    access: 'self',
    status: 200,
    except: { member: 404, manager: 404, operator: 404, otherKey: 200 },
  },
  'DELETE /api/v1/api-keys/{apiKeyId}': {
    access: 'self',
    status: 204,
    except: { member: 404, manager: 404, operator: 404 },
  },
  'GET /api/v1/people': { access: 'admin', status: 200 },
  'GET /api/v1/people/{userId}': { access: 'admin', status: 200 },
  'PATCH /api/v1/people/{userId}': { access: 'admin', status: 200, body: { role: 'admin' } },
  'DELETE /api/v1/people/{userId}': { access: 'admin', status: 204 },
  'POST /api/v1/people/{userId}/reset-link': { access: 'admin', status: 201 },
  'GET /api/v1/invitations': { access: 'admin', status: 200 },
  'POST /api/v1/invitations': { access: 'admin', status: 201, body: () => ({ email: newEmail() }) },
  'DELETE /api/v1/invitations/{invitationId}': { access: 'admin', status: 204 },
  'POST /api/v1/account-links/redeem': { access: 'public', status: 200, body: newLink },
  'GET /api/v1/contract': { access: 'read', status: 200 },
  'PATCH /api/v1/contract': { access: 'admin', status: 200, body: () => ({ name: name() }) },
  'DELETE /api/v1/contract': { access: 'owner', status: 200, alone: true },
  'GET /api/v1/contracts': { access: 'operator', status: 200 },
  'POST /api/v1/contracts': { access: 'operator', status: 201, body: () => ({ name: name(), ownerEmail: newEmail() }) },
  'GET /api/v1/contracts/{contractId}': { access: 'operator', status: 200 },
  'PATCH /api/v1/contracts/{contractId}': { access: 'operator', status: 200, body: { state: 'suspended' } },
  'DELETE /api/v1/contracts/{contractId}': { access: 'operator', status: 200 },
  'GET /api/v1/contracts/{contractId}/people': { access: 'operator', status: 200 },
  'POST /api/v1/contracts/{contractId}/owner-invitation': {
    access: 'operator',
    status: 201,
    body: () => ({ email: newEmail() }),
  },
  'POST /api/v1/contracts/{contractId}/people/{userId}/reset-link': {
    access: 'operator',
    status: 201,
    params: { contractId: ({ contract }) => `${contract}` },
  },
  'GET /api/v1/registries/{registryId}/tokens': { access: 'read', status: 200 },
  'GET /api/v1/registries/{registryId}/tokens/{tokenId}': { access: 'read', status: 200 },
  'POST /api/v1/registries/{registryId}/tokens/{tokenId}/secrets': { access: 'manage', status: 201 },
  'DELETE /api/v1/registries/{registryId}/tokens/{tokenId}/secrets/{secretId}': { access: 'manage', status: 204 },
  'GET /api/v1/usage': { access: 'read', status: 200, except: { otherKey: 403 } },
  'GET /api/v1/registries/{registryId}/usage': { access: 'read', status: 200 },
  'GET /api/v1/registries/{registryId}/repositories/{repositoryName}/usage': { access: 'read', status: 200 },
  'GET /api/v1/registries/{registryId}/quota': { access: 'read', status: 200 },
  'PUT /api/v1/registries/{registryId}/quota': { access: 'admin', status: 200, body: { limitBytes: null } },
  'GET /api/v1/contracts/{contractId}/quota': {
    access: 'read',
    status: 200,
    params: { contractId: ({ contract }) => `${contract}` },
    except: { otherKey: 403 },
  },
  'PUT /api/v1/contracts/{contractId}/quota': {
    access: 'operator',
    status: 200,
    params: { contractId: ({ contract }) => `${contract}` },
    body: { limitBytes: null },
  },
  'GET /api/v1/registries/{registryId}/repositories/{repositoryName}/artifacts/{digest}/report': {
    access: 'read',
    status: 200,
  },
  'GET /api/v1/registries/{registryId}/repositories/{repositoryName}/artifacts/{digest}/history': {
    access: 'read',
    status: 200,
  },
  'POST /api/v1/registries/{registryId}/repositories/{repositoryName}/artifacts/{digest}/scan': {
    access: 'manage',
    status: 202,
  },
  'GET /api/v1/advisories': { access: 'read', status: 200 },
  'GET /api/v1/advisories/sources': { access: 'operator', status: 200 },
  'POST /api/v1/advisories/fetch': { access: 'operator', status: 202, body: {} },
  'GET /api/v1/sso/discover': { access: 'public', status: 200 },
  'GET /api/v1/sso/{providerId}/login': { access: 'public', status: 302 },
  'GET /api/v1/sso/callback': { access: 'public', status: 302 },
  'GET /api/v1/sso/providers': { access: 'admin', status: 200 },
  'POST /api/v1/sso/providers': { access: 'admin', status: 400, body: { name: 'x', issuer: 'no URL', clientId: 'x' } },
  'GET /api/v1/sso/providers/{providerId}': { access: 'admin', status: 200 },
  'PATCH /api/v1/sso/providers/{providerId}': { access: 'admin', status: 200, body: { enabled: false } },
  'DELETE /api/v1/sso/providers/{providerId}': { access: 'admin', status: 204 },
  'GET /api/v1/sso/providers/{providerId}/people': { access: 'admin', status: 200 },
  'POST /api/v1/sso/providers/{providerId}/people': { access: 'admin', status: 201, body: newSubject },
  'DELETE /api/v1/sso/providers/{providerId}/people/{userId}': {
    access: 'admin',
    status: 204,
    params: { userId: newSignedOn },
  },
  'GET /api/v1/audit': { access: 'admin', status: 200 },
  'GET /api/v1/audit/export': { access: 'admin', status: 200 },
  'GET /api/v1/schedules': { access: 'operator', status: 200 },
  'POST /api/v1/schedules/{name}/run': { access: 'operator', status: 202, params: { name: newSchedule } },
  'GET /api/v1/jobs': { access: 'operator', status: 200 },
  'POST /api/v1/jobs/{id}/retry': { access: 'operator', status: 204, params: { id: newDeadJob } },
  'DELETE /api/v1/jobs/{id}': { access: 'operator', status: 204, params: { id: newDeadJob } },
}

async function create({ world, owner }: Place, url: string, body: unknown): Promise<string> {
  const { status, text, json } = await world.call('POST', url, { as: owner, body })
  if (status !== 201) throw new TypeError(`POST ${url}: ${text}`)
  return json.id
}
