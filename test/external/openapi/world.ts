import assert from 'node:assert/strict'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'

/** A running server with one of everything that paths name. */
export interface World extends AsyncDisposable {
  readonly server: EntrepotUnderTest
  /** By path parameter. Several, since the run deletes some. */
  readonly seeds: Readonly<Record<string, readonly string[]>>
}

const INDEX = 'application/vnd.oci.image.index.v1+json'
const REPOSITORY = 'team/app'
const COPIES = 8

export async function openWorld(): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startEntrepot())
  const seeds: Record<string, string[]> = {}
  const seed = (name: string, ...values: string[]) => {
    seeds[name] = [...(seeds[name] ?? []), ...values]
  }
  for (let copy = 0; copy < COPIES; copy++) await makeRegistry(server, `seed${copy}`, seed)
  seed('repositoryName', REPOSITORY)
  for (let copy = 0; copy < COPIES; copy++) await makePeople(server, copy, seed)
  const moved = opened.move()
  return { server, seeds, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

type Seed = (name: string, ...values: string[]) => void

async function makeRegistry(server: EntrepotUnderTest, name: string, seed: Seed): Promise<void> {
  const { id } = await server.createRegistry(name)
  const token = await server.createToken(id, { name: 'ci' })
  const { secrets } = await got<{ secrets: { id: string }[] }>(server, `/api/v1/registries/${id}/tokens/${token.id}`)
  const login = Buffer.from(`${token.username}:${token.password}`).toString('base64')
  const pushed = await server.request(`/v2/${name}/${REPOSITORY}/manifests/v1`, {
    method: 'PUT',
    headers: { authorization: `Basic ${login}`, 'content-type': INDEX },
    body: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [], annotations: { name } }),
  })
  seed('registryId', id)
  seed('tokenId', token.id)
  seed('secretId', ...secrets.map((secret) => secret.id))
  seed('digest', String(expectStatus(pushed, 201).headers['docker-content-digest']))
}

async function makePeople(server: EntrepotUnderTest, copy: number, seed: Seed): Promise<void> {
  const email = `person${copy}@example.com`
  const invited = await made<{ id: string; secret: string }>(server, '/api/v1/invitations', { email })
  const redeem = { secret: invited.secret, password: 'correct horse battery staple' }
  expectStatus(await server.api('POST', '/api/v1/account-links/redeem', redeem), 200)
  const open = await made<{ id: string }>(server, '/api/v1/invitations', { email: `open${copy}@example.com` })
  const key = await made<{ id: string }>(server, '/api/v1/api-keys', { name: `key ${copy}` })
  const contract = { name: `Contract ${copy}`, ownerEmail: `owner${copy}@example.com` }
  const other = await made<{ contract: number }>(server, '/api/v1/contracts', contract)
  const { items } = await got<{ items: { email: string; userId: string }[] }>(server, '/api/v1/people?limit=1000')
  const userId = items.find((person) => person.email === email)?.userId
  assert.ok(userId)
  seed('userId', userId)
  seed('invitationId', open.id)
  seed('apiKeyId', key.id)
  seed('contractId', `${other.contract}`)
}

async function made<T>(server: EntrepotUnderTest, path: string, body: unknown): Promise<T> {
  return expectStatus(await server.api('POST', path, body), 201).json<T>()
}

async function got<T>(server: EntrepotUnderTest, path: string): Promise<T> {
  return expectStatus(await server.api('GET', path), 200).json<T>()
}
