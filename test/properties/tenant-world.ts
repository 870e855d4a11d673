import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { OPERATOR } from '../../src/accounts/deps.ts'
import type { App } from '../../src/compose.ts'
import type { Composed, Reply } from '../support/composed.ts'

// Two contracts side by side on one server, and the first of them once more, alone, on another one: whatever the second
// does, the first must read what it would read alone.

export const PASSWORD = 'correct horse battery'
export const ABSENT = '6f1c7f0a-4f0e-4b57-9d0c-2c1f3f7d9a11'
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

export type Kind = 'registry' | 'token' | 'person' | 'invitation' | 'key' | 'session'
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One contract on one server, as its owner, and somebody who is an administrator of both, know it. */
export class Tenant {
  readonly server: Composed
  readonly contract: number
  readonly tag: string
  /** In all names: each run has its own. */
  readonly round: number
  readonly owner: string
  readonly both: string
  /** The owner's API key as a docker password. */
  readonly docker: string
  /** Everything whose id was ever told; those of tokens with their registry's. */
  readonly known: Record<Kind, string[]> = { registry: [], token: [], person: [], invitation: [], key: [], session: [] }
  readonly secrets: string[] = []

  private constructor(given: Pick<Tenant, 'server' | 'contract' | 'tag' | 'round' | 'owner' | 'both' | 'docker'>) {
    this.server = given.server
    this.contract = given.contract
    this.tag = given.tag
    this.round = given.round
    this.owner = given.owner
    this.both = given.both
    this.docker = given.docker
  }

  /** `round` makes e-mail addresses new in each run; `both` may exist already. */
  static async found(server: Composed, tag: string, round: number): Promise<Tenant> {
    const { accounts } = server.first.rooms
    const contract = await accounts.createContract({ name: `contract ${tag}` }, OPERATOR)
    const owner = emailOf(tag, round)
    const both = emailOf('both', round)
    const add = (email: string, role: 'owner' | 'admin' | 'member', password: string | null) =>
      accounts.addUser({ contractId: contract, email, role, password, linkExisting: true }, OPERATOR)
    await add(owner, 'owner', PASSWORD)
    await add(both, 'admin', PASSWORD)
    await add(emailOf(`member-${tag}`, round), 'member', null)
    const session = await logIn(server, owner, contract)
    const headers = { 'x-contract-number': String(contract) }
    const key = await server.call('POST', '/api/v1/api-keys', { as: session, body: { name: 'docker' }, headers })
    assert.equal(key.status, 201, key.text)
    const docker = `Basic ${Buffer.from(`docker:${key.json.secret}`).toString('base64')}`
    const tenant = new Tenant({
      server,
      contract,
      tag,
      round,
      owner: session,
      both: await logIn(server, both, contract),
      docker,
    })
    const body = { properties: { name: `${tag}-one-${round}`, location: 'de/fra' } }
    tenant.known.registry.push((await tenant.ask('POST', '/registries', body)).json.id)
    await tenant.#learn()
    return tenant
  }

  /** The ids it begins with. */
  async #learn(): Promise<void> {
    const lists: readonly (readonly [Kind, string])[] = [
      ['person', 'people'],
      ['key', 'api-keys'],
      ['session', 'sessions'],
    ]
    for (const [kind, list] of lists) {
      const { json } = await this.ask('GET', `/api/v1/${list}`)
      for (const { id, userId } of json.items) this.known[kind].push(userId ?? id)
    }
  }

  async ask(method: Method, url: string, body?: unknown, as = this.owner): Promise<Reply> {
    return await this.server.call(method, url, { as, body, headers: { 'x-contract-number': String(this.contract) } })
  }

  /** A blob and a manifest under a tag; the status of each step. */
  async push(place: string, text: string): Promise<number[]> {
    const blob = Buffer.from(text)
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
    const upload = await this.#dataPlane('POST', `/v2/${place}/blobs/uploads/?digest=${digest}`, blob)
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: blob.length }
    const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [] }
    const pushed = await this.#dataPlane('PUT', `/v2/${place}/manifests/v1`, Buffer.from(JSON.stringify(manifest)))
    const mounted = await this.#dataPlane(
      'POST',
      `/v2/${place}/blobs/uploads/?mount=${digest}&from=y-one-${this.round}/app`,
      blob,
    )
    return [upload.status, pushed.status, mounted.status]
  }

  async pull(place: string): Promise<Reply> {
    return await this.#dataPlane('GET', `/v2/${place}/manifests/v1`)
  }

  async #dataPlane(method: 'GET' | 'POST' | 'PUT', url: string, body?: Buffer): Promise<Reply> {
    const type = method === 'PUT' ? MANIFEST_TYPE : 'application/octet-stream'
    return await this.server.call(method, url, { as: this.docker, body, headers: { 'content-type': type } })
  }

  get app(): App {
    return this.server.first
  }
}

/** Everything the contract can see of itself: every list, everything in it one by one, and where its people stand. */
export async function observe(tenant: Tenant): Promise<string> {
  await tenant.app.flush()
  const seen: string[] = []
  const look = async (url: string, as?: string): Promise<Reply> => {
    const reply = await tenant.ask('GET', url, undefined, as)
    seen.push(`${url} ${reply.status} ${reply.text}`)
    return reply
  }
  await lookAtPeople(tenant, look)
  const { json } = await look('/registries?limit=1000')
  for (const { id, properties } of json?.items ?? []) await lookAtRegistry(tenant, look, id, properties.name)
  await look('/containerregistries/registries')
  seen.push(`catalog ${(await tenant.server.call('GET', '/v2/_catalog', { as: tenant.docker })).text}`)
  for (const app of [tenant.both, tenant.docker]) await look('/registries?limit=1', app)
  return steady(seen.join('\n'))
}

type Look = (url: string, as?: string) => Promise<Reply>

async function lookAtPeople({ both }: Tenant, look: Look): Promise<void> {
  for (const url of ['contract', 'me', 'audit?outcome=ok&limit=1000', 'sessions', 'usage', 'sso/providers'])
    await look(`/api/v1/${url}`)
  await look('/api/v1/me', both)
  for (const list of ['people', 'invitations', 'api-keys']) {
    const { json } = await look(`/api/v1/${list}?limit=1000`)
    await look(`/api/v1/${list}?limit=1`)
    if (list === 'invitations') continue
    for (const { id, userId } of json?.items ?? []) await look(`/api/v1/${list}/${userId ?? id}`)
  }
}

async function lookAtRegistry(tenant: Tenant, look: Look, id: string, name: string): Promise<void> {
  await look(`/registries/${id}`)
  for (const list of ['repositories', 'artifacts', 'tokens']) await look(`/registries/${id}/${list}`)
  for (const part of ['tokens', 'usage', 'quota']) await look(`/api/v1/registries/${id}/${part}`)
  await look(`/registries/${id}/repositories/app/artifacts`)
  const { status, text } = await tenant.pull(`${name}/app`)
  await look(`/registries/${id}/tokens?limit=${status === 200 ? text.length : 1}`)
}

/**
 * What changes by itself or some seconds later (times, last uses, pulls, days, a new registry's way to Running, bytes added up now and then) and what is
 * random or a contract's own (secrets, contract numbers, cursors) says nothing of anybody else.
 */
export function steady(text: string): string {
  return text
    .replaceAll(/"lastUsed":(null|\{[^{}]*\})/g, '"lastUsed":"~"')
    .replaceAll(/"(storageUsage)":\{[^{}]*\}/g, '"$1":"~"')
    .replaceAll(/"state":"(New|WaitingForStorage|Running)"/g, '"state":"~"')
    .replaceAll(/"hostname":"[^"]*"/g, '"hostname":"~"')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'T')
    .replaceAll(/"(restorableUntil|purgeAfter|expiresAt)":\d{13}/g, '"$1":"~"')
    .replaceAll(/ent[kls]?_[0-9A-Za-z]{10}_[0-9A-Za-z]{34}/g, 'SECRET')
    .replaceAll(/"(secretId|id)":"[0-9A-Za-z]{10}"/g, '"$1":"~"')
    .replaceAll(/"(\w+Bytes)":\d+/g, '"$1":"~"')
    .replaceAll(/"(updatedAt|bytes)":(null|"T"|\{[^{}]*\})/g, '"$1":"~"')
    .replaceAll(/"(pullCount|pulls|pushes)":\d+/g, '"$1":"~"')
    .replaceAll(/"lastPulledAt":(null|"T")/g, '"lastPulledAt":"~"')
    .replaceAll(/live secrets already, [^:]*:/g, 'live secrets already:')
    .replaceAll(/contract \d+/g, 'contract N')
    .replaceAll(/(container-registry:[\w/]+):\d+:/g, '$1:N:')
    .replaceAll(/"contract":\d+/g, '"contract":"~"')
    .replaceAll(/"(next|token|nextPageToken)":"[\w-]+"/g, '"$1":"~"')
    .replaceAll(/pagination\.token=[\w%-]+/g, 'pagination.token=~')
}

export function emailOf(name: string, round: number): string {
  return `${name}@round${round}.example`
}

async function logIn(server: Composed, email: string, contract: number): Promise<string> {
  const made = await server.call('POST', '/api/v1/sessions', { body: { email, password: PASSWORD, contract } })
  assert.equal(made.status, 201, made.text)
  return `Bearer ${made.json.token}`
}

/** Says the first line that differs, of some hundred. */
export function assertSame(actual: string, expected: string, what: string): void {
  if (actual === expected) return
  const [lines, others] = [actual.split('\n'), expected.split('\n')]
  const at = lines.findIndex((line, index) => line !== others[index])
  assert.equal(lines[at] ?? actual, others[at] ?? expected, what)
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Which id on the first server is which on the second: the same thing got another one there. */
export class SameIds {
  readonly #there = new Map<string, string>()
  readonly #here = new Map<string, string>()

  translate(text: string): string {
    return text.replaceAll(UUID, (id) => this.#there.get(id) ?? id)
  }

  /** Learns what is new in two answers to the same question, and says both in the second server's ids. */
  compare(here: string, there: string, what: string): void {
    const [ids, others] = [here.match(UUID) ?? [], there.match(UUID) ?? []]
    for (const [at, id] of ids.entries()) {
      const other = others[at]
      if (other === undefined || this.#there.has(id) || this.#here.has(other) || id === other) continue
      this.#there.set(id, other)
      this.#here.set(other, id)
    }
    assertSame(this.translate(here), there, what)
  }
}
