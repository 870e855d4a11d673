import fc from 'fast-check'
import { OPERATOR } from '../../src/accounts/deps.ts'
import type { Reply } from '../support/composed.ts'
import type { Kind, Method, Tenant } from './tenant-world.ts'
import { ABSENT, emailOf, PASSWORD } from './tenant-world.ts'

/** Ids that clients choose: the same ones in both contracts. */
const CHOSEN = [1, 2, 3].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`)

export interface Command {
  /** Whose: 0 is the contract that is watched, 1 the other one. */
  readonly by: 0 | 1
  readonly act: string
  /** As the owner, or as the administrator of both contracts. */
  readonly as: 'owner' | 'both'
  /** Which id is meant: one of their own, one of the other contract's, a chosen one, or none that exists. */
  readonly whose: 'own' | 'foreign' | 'chosen' | 'absent'
  readonly which: number
  readonly other: number
}

/** A command with its ids filled in: what is asked of one server, and in other ids of the other one. */
export interface Asked {
  readonly command: Command
  readonly id: string
  readonly registryId: string
  /** One of each kind. */
  readonly ids: Readonly<Record<Kind, string>>
  readonly round: number
}

export function fillIn(command: Command, own: Tenant, foreign: Tenant, round: number): Asked {
  const pick = (kind: Kind, at: number) => {
    const known = { own: own.known[kind], foreign: foreign.known[kind], chosen: CHOSEN, absent: [ABSENT] }[
      command.whose
    ]
    return known[at % Math.max(1, known.length)] ?? ABSENT
  }
  const registryId = pick('registry', command.other)
  const kinds = Object.keys(own.known) as Kind[]
  const ids = Object.fromEntries(kinds.map((kind) => [kind, pick(kind, command.which)])) as Record<Kind, string>
  return { command, registryId, ids, id: pick(KIND_OF[command.act] ?? 'registry', command.which), round }
}

/** Status and text of every answer. */
export async function perform(tenant: Tenant, asked: Asked): Promise<string> {
  const answers: Reply[] = []
  const ask = async (method: Method, url: string, body?: unknown): Promise<Reply> => {
    const reply = await tenant.ask(method, url, body, tenant[asked.command.as])
    answers.push(reply)
    return reply
  }
  const more = await ACTS[asked.command.act]?.({ tenant, ask, ...asked })
  return [...answers.map(({ status, text }) => `${status} ${text}`), ...(more ?? [])].join('\n')
}

interface Doing extends Asked {
  readonly tenant: Tenant
  readonly ask: (method: Method, url: string, body?: unknown) => Promise<Reply>
}
// biome-ignore lint/suspicious/noConfusingVoidType: an act without words of its own returns nothing
type Act = (doing: Doing) => Promise<readonly string[] | void>

const KIND_OF: Partial<Record<string, Kind>> = {
  patchToken: 'token',
  rotateToken: 'token',
  deleteToken: 'token',
  putToken: 'token',
  probeToken: 'token',
  changePerson: 'person',
  removePerson: 'person',
  probePerson: 'person',
  resetPerson: 'person',
  revokeInvitation: 'invitation',
  revokeKey: 'key',
  probeKey: 'key',
  endSession: 'session',
}

const nameOf = ({ tag, round }: Pick<Tenant, 'tag' | 'round'>, at: number) =>
  `${tag}-${['one', 'two', 'three'][at % 3]}-${round}`
const properties = (tenant: Tenant, at: number) => ({ properties: { name: nameOf(tenant, at), location: 'de/fra' } })
const token = (at: number) => ({
  properties: { name: ['ci', 'cd'][at % 2], scopes: [{ type: 'repository', name: '*', actions: ['pull'] }] },
})
const remember = (tenant: Tenant, kind: Kind, id: unknown) => {
  if (typeof id === 'string' && !tenant.known[kind].includes(id)) tenant.known[kind].push(id)
}

const registries: Record<string, Act> = {
  createRegistry: async ({ tenant, ask, command }) =>
    remember(tenant, 'registry', (await ask('POST', '/registries', properties(tenant, command.which))).json?.id),
  putRegistry: async ({ tenant, ask, id, command }) =>
    remember(tenant, 'registry', (await ask('PUT', `/registries/${id}`, properties(tenant, command.other))).json?.id),
  patchRegistry: async ({ ask, id, command }) =>
    void (await ask('PATCH', `/registries/${id}`, {
      apiSubnetAllowList: command.other > 2 ? ['10.0.0.0/8', '127.0.0.1'] : [],
    })),
  deleteRegistry: async ({ ask, id }) => void (await ask('DELETE', `/registries/${id}`)),
  probeRegistry: async ({ ask, id }) => {
    const path = `/registries/${id}`
    for (const url of [path, `${path}/tokens`, `${path}/repositories`, `${path}/artifacts`, `/api/v1${path}/tokens`]) {
      await ask('GET', url)
    }
    await ask('GET', `/containerregistries${path}/repositories/app/artifacts`)
    await ask('DELETE', `${path}/repositories/absent`)
  },
}

const tokens: Record<string, Act> = {
  createToken: async ({ tenant, ask, registryId, command }) =>
    remember(tenant, 'token', (await ask('POST', `/registries/${registryId}/tokens`, token(command.which))).json?.id),
  putToken: async ({ tenant, ask, registryId, id, command }) =>
    remember(
      tenant,
      'token',
      (await ask('PUT', `/registries/${registryId}/tokens/${id}`, token(command.other))).json?.id,
    ),
  patchToken: async ({ ask, registryId, id, command }) =>
    void (await ask('PATCH', `/registries/${registryId}/tokens/${id}`, {
      status: command.other % 2 ? 'disabled' : 'enabled',
    })),
  rotateToken: async ({ ask, registryId, id }) =>
    void (await ask('POST', `/api/v1/registries/${registryId}/tokens/${id}/secrets`, {})),
  deleteToken: async ({ ask, registryId, id }) => void (await ask('DELETE', `/registries/${registryId}/tokens/${id}`)),
  probeToken: async ({ ask, registryId, id }) => {
    await ask('GET', `/registries/${registryId}/tokens/${id}`)
    await ask('GET', `/api/v1/registries/${registryId}/tokens/${id}`)
  },
}

const contents: Record<string, Act> = {
  push: async ({ tenant, command }) => {
    const place = command.whose === 'foreign' ? 'y' : command.whose === 'absent' ? 'absent' : tenant.tag
    const name = nameOf({ tag: place, round: tenant.round }, command.which)
    return [String(await tenant.push(`${name}/app`, `{"n":${command.other % 2}}`))]
  },
  pull: async ({ tenant, command }) => {
    const place = command.whose === 'foreign' ? `y-one-${tenant.round}/app` : `${nameOf(tenant, command.which)}/app`
    const { status, text } = await tenant.pull(place)
    return [`${status} ${text}`]
  },
  checkOwnName: async ({ tenant, ask, command }) => void (await ask('HEAD', `/names/${nameOf(tenant, command.which)}`)),
}

const people: Record<string, Act> = {
  invite: async ({ tenant, ask, command, round }) => {
    const email = emailOf(['u1', 'u2', tenant.tag === 'x' ? 'y' : 'x'][command.which % 3] ?? 'u1', round)
    const { json } = await ask('POST', '/api/v1/invitations', { email, role: command.other % 2 ? 'member' : 'admin' })
    remember(tenant, 'invitation', json?.id)
    if (json?.secret) tenant.secrets.push(json.secret)
  },
  redeem: async ({ tenant, command }) => {
    const secret = tenant.secrets[command.which % Math.max(1, tenant.secrets.length)] ?? ''
    const body = { secret, password: PASSWORD }
    const { status, text } = await tenant.server.call('POST', '/api/v1/account-links/redeem', { body })
    return [`${status} ${text}`]
  },
  learnPeople: async ({ tenant, ask }) => {
    const { json } = await ask('GET', '/api/v1/people?limit=1000')
    for (const { userId } of json?.items ?? []) remember(tenant, 'person', userId)
  },
  revokeInvitation: async ({ ask, id }) => void (await ask('DELETE', `/api/v1/invitations/${id}`)),
  changePerson: async ({ ask, id, command }) => {
    const change = [{ role: 'member' }, { role: 'admin' }, { disabled: true }, { disabled: false }][command.other % 4]
    await ask('PATCH', `/api/v1/people/${id}`, change)
  },
  removePerson: async ({ ask, id }) => void (await ask('DELETE', `/api/v1/people/${id}`)),
  probePerson: async ({ ask, id }) => void (await ask('GET', `/api/v1/people/${id}`)),
  /** Not of their own: that somebody belongs to another contract too shows in the refusal (design.md 8). */
  resetPerson: async ({ ask, id, command }) => {
    const whom = command.whose === 'foreign' || command.whose === 'own' ? ABSENT : id
    await ask('POST', `/api/v1/people/${whom}/reset-link`)
  },
}

const credentials: Record<string, Act> = {
  makeKey: async ({ tenant, ask, registryId, command }) => {
    const body = { name: `key ${command.which}`, registries: command.other % 2 ? [registryId] : null }
    remember(tenant, 'key', (await ask('POST', '/api/v1/api-keys', body)).json?.id)
  },
  revokeKey: async ({ ask, id }) => void (await ask('DELETE', `/api/v1/api-keys/${id}`)),
  probeKey: async ({ ask, id }) => void (await ask('GET', `/api/v1/api-keys/${id}`)),
  endSession: async ({ ask, id }) => void (await ask('DELETE', `/api/v1/sessions/${id}`)),
  changeContract: async ({ ask, command }) => {
    const seconds = command.other % 2 ? 86_400 : null
    await ask('PATCH', '/api/v1/contract', { name: `name ${command.which}`, maxTokenLifetimeSeconds: seconds })
  },
  contractsAreTheOperators: async ({ ask }) => {
    await ask('GET', '/api/v1/contracts')
    await ask('GET', '/api/v1/contracts/1')
  },
  setQuota: async ({ ask, registryId, command }) =>
    void (await ask('PUT', `/api/v1/registries/${registryId}/quota`, {
      limitBytes: command.which > 2 ? 1_000_000 : null,
    })),
  probeRules: async ({ ask, id }) => {
    for (const part of ['usage', 'quota']) await ask('GET', `/api/v1/registries/${id}/${part}`)
    for (const part of ['', '/people']) await ask('GET', `/api/v1/sso/providers/${id}${part}`)
    await ask('DELETE', `/api/v1/sso/providers/${id}`)
  },
  audit: async ({ ask, registryId }) => void (await ask('GET', `/api/v1/audit?outcome=ok&registry=${registryId}`)),
}

/** What is not theirs, of every kind: read, changed, ended. Own ids are left alone here. */
const probe: Act = async ({ ask, ids, registryId, command }) => {
  if (command.whose === 'own' || command.whose === 'chosen') return
  const registry = `/registries/${registryId}`
  for (const url of [
    registry,
    `${registry}/tokens/${ids.token}`,
    `/api/v1${registry}/usage`,
    `/api/v1${registry}/quota`,
  ]) {
    await ask('GET', url)
  }
  for (const [list, id] of [
    ['people', ids.person],
    ['api-keys', ids.key],
  ] as const)
    await ask('GET', `/api/v1/${list}/${id}`)
  for (const [list, id] of [
    ['invitations', ids.invitation],
    ['api-keys', ids.key],
    ['sessions', ids.session],
  ] as const) {
    await ask('DELETE', `/api/v1/${list}/${id}`)
  }
  await ask('PATCH', registry, { apiSubnetAllowList: ['10.0.0.0/8'] })
  await ask('DELETE', registry)
}

/** Only of the contract that is not watched. */
const ends: Record<string, Act> = {
  suspend: async ({ tenant }) => change(tenant, 'suspended'),
  resume: async ({ tenant }) => change(tenant, 'active'),
  end: async ({ tenant, command }) => {
    if (tenant.tag === 'y' && command.which === 0)
      await tenant.app.rooms.accounts.deleteContract(tenant.contract, OPERATOR).catch(nothing)
  },
}

const ACTS: Record<string, Act> = { ...registries, ...tokens, ...contents, ...people, ...credentials, ...ends, probe }

export const command: fc.Arbitrary<Command> = fc.record({
  by: fc.constantFrom(0, 1),
  act: fc.constantFrom(...Object.keys(ACTS), 'probe', 'probe', 'probe', 'removePerson', 'changePerson'),
  as: fc.constantFrom('owner', 'owner', 'both'),
  whose: fc.constantFrom('own', 'own', 'foreign', 'foreign', 'chosen', 'absent'),
  which: fc.nat(5),
  other: fc.nat(5),
})

async function change(tenant: Tenant, state: 'active' | 'suspended'): Promise<void> {
  if (tenant.tag !== 'y') return
  await tenant.app.rooms.accounts.changeContract({ contractId: tenant.contract, state }, OPERATOR).catch(nothing)
}

function nothing(): void {
  // It is deleted already.
}
