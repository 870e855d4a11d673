import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { until } from '../../support/tools.ts'
import { artifacts, repositories, withoutCredentials } from './contents.ts'
import type { Login, OpenSdk, Sdk, SdkAnswer } from './sdk.ts'
import { assertUnderstood, expectAnswer, expectRefusal } from './understood.ts'

const ABSENT = '00000000-0000-4000-8000-000000000000'
const SCHEDULE = { days: ['Monday', 'Tuesday'], time: '05:19:00+00:00' }

/** One library, one login, one mount, at a running server. */
export interface Bench {
  readonly server: EntrepotUnderTest
  readonly sdk: Sdk
  /** A registry name nobody has. */
  readonly name: () => string
  /** The operation, its status, and that the library understood what a GET of `path` is answered. */
  readonly read: (operation: string, parameters: object, path: string) => Promise<SdkAnswer>
}

export interface SdkOptions {
  readonly open: OpenSdk
  readonly skip: string | false
  /** Whether this version of the library knows registries' allow lists (API 1.2). */
  readonly allowLists: boolean
}

/** Every operation of the library, with both ways to log in, at both mounts. */
export function sdkSuite(name: string, options: SdkOptions): void {
  describe(name, { skip: options.skip }, () => {
    let server: EntrepotUnderTest
    let logins: Record<'Basic' | 'Bearer', Login>
    const opened = new AsyncDisposableStack()
    before(async () => {
      server = opened.use(await startEntrepot())
      const { email, password } = server.admin
      logins = { Basic: { username: email, password }, Bearer: { token: await makeApiKey(server) } }
    })
    after(() => opened.disposeAsync())
    for (const way of ['Basic', 'Bearer'] as const) {
      for (const mount of ['', '/containerregistries']) {
        let sdk: Sdk | undefined
        const run = async (act: (bench: Bench) => Promise<void>) => {
          sdk ??= opened.use(await options.open(server.url + mount, logins[way]))
          await act(benchOf(server, sdk, mount))
        }
        const about = `${way} at ${mount === '' ? 'the root' : mount}`
        test(`${about}: locations and names`, () => run(locationsAndNames))
        test(`${about}: registries`, () => run((bench) => registries(bench, options)))
        test(`${about}: registries, in pages`, () => run(pages))
        test(`${about}: registries under an id of one’s choice`, () => run(chosenIds))
        test(`${about}: tokens`, () => run(tokens))
        if (way === 'Basic') test(`${about}: nothing is shown for contents`, () => run(withoutCredentials))
        else {
          test(`${about}: repositories`, () => run(repositories))
          test(`${about}: artifacts and their vulnerabilities`, () => run(artifacts))
        }
        test(`${about}: a scope taken away by making the token anew`, () => run(scopeDelete))
      }
    }
  })
}

/** An API key of the first owner. */
async function makeApiKey(server: EntrepotUnderTest): Promise<string> {
  return expectStatus(await server.api('POST', '/api/v1/api-keys', { name: 'sdks' }), 201).json<{ secret: string }>()
    .secret
}

function benchOf(server: EntrepotUnderTest, sdk: Sdk, mount: string): Bench {
  return {
    server,
    sdk,
    name: () => `sdk-${randomUUID().slice(0, 13)}`,
    async read(operation, parameters, path) {
      const answer = expectAnswer(await sdk.call(operation, { ...parameters }), 200)
      const sent = expectStatus(await server.api('GET', mount + path), 200).json()
      assertUnderstood(answer.data, sent, operation)
      return answer
    },
  }
}

async function locationsAndNames({ sdk, read, name }: Bench): Promise<void> {
  const { data } = await read('locationsGet', {}, '/locations')
  assert.ok(data.items.some(({ id }: { id: string }) => id === 'de/fra'))
  const free = name()
  assert.equal((await sdk.call('namesCheckUsage', { name: free })).status, 404)
  assert.equal((await sdk.call('namesCheckUsage', { name: 'Not_A_Name' })).status, 400)
  const postRegistryInput = { properties: { name: free, location: 'de/fra' } }
  const { data: made } = expectAnswer(await sdk.call('registriesPost', { postRegistryInput }), 201)
  expectAnswer(await sdk.call('namesCheckUsage', { name: free }), 200)
  expectAnswer(await sdk.call('registriesDelete', { registryId: made.id }), 204)
  assert.equal((await sdk.call('namesCheckUsage', { name: free })).status, 404)
}

/** As Ansible does it. */
async function untilRunning({ sdk }: Bench, registryId: string): Promise<void> {
  let last = ''
  const isRunning = async (): Promise<boolean> => {
    last = expectAnswer(await sdk.call('registriesFindById', { registryId }), 200).data.metadata.state
    return last === 'Running'
  }
  await until(isRunning, () => `registry ${registryId} is ${last}`, 20_000)
}

async function registries(bench: Bench, { allowLists }: SdkOptions): Promise<void> {
  const { sdk, read, name, server } = bench
  const properties = {
    name: name(),
    location: 'de/fra',
    garbageCollectionSchedule: SCHEDULE,
    features: { vulnerabilityScanning: { enabled: false } },
    ...(allowLists ? { apiSubnetAllowList: ['192.168.0.167/24', '2001:0db8:85a3::/24'] } : {}),
  }
  const { data: made } = expectAnswer(await sdk.call('registriesPost', { postRegistryInput: { properties } }), 201)
  assert.equal(made.metadata.state, 'New')
  assertUnderstood(properties, made.properties)
  await untilRunning(bench, made.id)
  const path = `/registries/${made.id}`
  const { data: running } = await read('registriesFindById', { registryId: made.id }, path)
  assert.equal(running.properties.hostname, `${server.host}/${properties.name}`)
  assertUnderstood({ ...properties, storageUsage: { bytes: 0 } }, running.properties)

  const patchRegistryInput = {
    features: { vulnerabilityScanning: { enabled: true } },
    garbageCollectionSchedule: { days: ['Friday'], time: '01:23:00+00:00' },
    ...(allowLists ? { apiSubnetAllowList: [] } : {}),
  }
  const patch = { registryId: made.id, patchRegistryInput }
  const { data: patched } = expectAnswer(await sdk.call('registriesPatch', patch), 200)
  assertUnderstood(patchRegistryInput, patched.properties)
  assert.equal(patched.metadata.lastModifiedBy, server.admin.email)

  const replacement = { properties: { name: properties.name, location: 'de/fra' } }
  const { data: replaced } = expectAnswer(
    await sdk.call('registriesPut', { registryId: made.id, putRegistryInput: replacement }),
    201,
  )
  assert.equal(replaced.properties.garbageCollectionSchedule ?? null, null)
  assert.equal(replaced.properties.features.vulnerabilityScanning.enabled, true)
  await read('registriesFindById', { registryId: made.id }, path)

  const off = { features: { vulnerabilityScanning: { enabled: false } } }
  expectRefusal(
    await sdk.call('registriesPatch', { registryId: made.id, patchRegistryInput: off }),
    400,
    /switched off/,
  )
  expectRefusal(await sdk.call('registriesPost', { postRegistryInput: replacement }), 400, /already taken/)
  expectAnswer(await sdk.call('registriesDelete', { registryId: made.id }), 204)
  expectRefusal(await sdk.call('registriesFindById', { registryId: made.id }), 404, /does not exist/)
  expectRefusal(await sdk.call('registriesDelete', { registryId: made.id }), 404, /does not exist/)
}

async function pages(bench: Bench): Promise<void> {
  const { sdk, read, name } = bench
  const word = name()
  const ids: string[] = []
  for (const letter of ['a', 'b', 'c']) {
    const postRegistryInput = { properties: { name: `${word}-${letter}`, location: 'de/fra' } }
    ids.push(expectAnswer(await sdk.call('registriesPost', { postRegistryInput }), 201).data.id)
  }
  for (const id of ids) await untilRunning(bench, id) // what the library reads is compared with a second look
  const found: string[] = []
  let paginationToken = ''
  do {
    const token = paginationToken === '' ? {} : { paginationToken }
    const query = `filter.name=${word}&limit=2${paginationToken && `&pagination.token=${paginationToken}`}`
    const { data } = await read('registriesGet', { filterName: word, limit: '2', ...token }, `/registries?${query}`)
    found.push(...data.items.map(({ id }: { id: string }) => id))
    paginationToken = data.pagination.token
  } while (paginationToken !== '')
  assert.deepEqual(found, ids)
  for (const registryId of ids) expectAnswer(await sdk.call('registriesDelete', { registryId }), 204)
}

/** PUT of an unknown id, and of one just deleted. */
async function chosenIds(bench: Bench): Promise<void> {
  const { sdk, name } = bench
  const registryId = randomUUID()
  const put = async (properties: object) =>
    await sdk.call('registriesPut', {
      registryId,
      putRegistryInput: { properties: { location: 'de/fra', ...properties } },
    })
  const first = name()
  assert.equal(expectAnswer(await put({ name: first }), 201).data.id, registryId)
  await untilRunning(bench, registryId)
  expectRefusal(await put({ name: name() }), 400, /name of a registry cannot be changed/)
  expectAnswer(await sdk.call('registriesDelete', { registryId }), 204)
  const { data: again } = expectAnswer(await put({ name: name() }), 201)
  assert.deepEqual([again.id, again.metadata.state], [registryId, 'New'])
  expectAnswer(await sdk.call('registriesDelete', { registryId }), 204)
}

async function tokens({ sdk, read, name, server }: Bench): Promise<void> {
  const { id: registryId } = await server.createRegistry(name())
  const path = `/registries/${registryId}/tokens`
  const scopes = [{ actions: ['pull', 'push'], name: 'team/*', type: 'repository' }]
  const properties = { name: 'testRegistryToken', expiryDate: '2030-01-13T17:27:42+01:00', scopes, status: 'enabled' }
  const post = async () => await sdk.call('registriesTokensPost', { registryId, postTokenInput: { properties } })
  const { data: made } = expectAnswer(await post(), 201)
  assertUnderstood(properties, made.properties)
  assert.equal(made.properties.credentials.username, 'testRegistryToken')
  assert.notEqual(made.properties.credentials.password, '')
  expectRefusal(await post(), 409, /already has a token/)

  const one = { registryId, tokenId: made.id }
  const { data: got } = await read('registriesTokensFindById', one, `${path}/${made.id}`)
  assert.equal(got.properties.credentials.password, '')
  assert.equal(got.metadata.state, 'enabled')
  const { data: list } = await read(
    'registriesTokensGet',
    { registryId, offset: '0', limit: '1' },
    `${path}?offset=0&limit=1`,
  )
  assert.deepEqual([list.items.length, list.items[0].id], [1, made.id])

  const patchTokenInput = { expiryDate: '2031-01-01T00:00:00Z', scopes: [], status: 'disabled' }
  const { data: patched } = expectAnswer(await sdk.call('registriesTokensPatch', { ...one, patchTokenInput }), 200)
  assertUnderstood(patchTokenInput, patched.properties)
  assert.equal(patched.properties.credentials.password, '')

  const putTokenInput = { properties: { name: 'testRegistryToken', scopes } }
  const { data: replaced } = expectAnswer(await sdk.call('registriesTokensPut', { ...one, putTokenInput }), 201)
  assertUnderstood(
    { scopes, status: 'enabled', credentials: { username: 'testRegistryToken', password: '' } },
    replaced.properties,
  )
  assert.equal(replaced.properties.expiryDate ?? null, null)

  expectAnswer(await sdk.call('registriesTokensDelete', one), 204)
  expectRefusal(await sdk.call('registriesTokensFindById', one), 404, /token .* does not exist/)
  expectRefusal(await sdk.call('registriesTokensGet', { registryId: ABSENT }), 404, /registry .* does not exist/)
}

/** ionosctl: GET, DELETE, PUT of the same id with the rest. */
async function scopeDelete({ sdk, name, server }: Bench): Promise<void> {
  const { id: registryId } = await server.createRegistry(name())
  const scopes = ['a', 'b'].map((repository) => ({ actions: ['pull'], name: repository, type: 'repository' }))
  const postTokenInput = { properties: { name: 'ci', scopes } }
  const { data: made } = expectAnswer(await sdk.call('registriesTokensPost', { registryId, postTokenInput }), 201)
  const one = { registryId, tokenId: made.id }
  const { data: got } = expectAnswer(await sdk.call('registriesTokensFindById', one), 200)
  expectAnswer(await sdk.call('registriesTokensDelete', one), 204)
  const putTokenInput = {
    properties: { name: 'ci', scopes: got.properties.scopes.slice(1), status: got.properties.status },
  }
  const { data: again } = expectAnswer(await sdk.call('registriesTokensPut', { ...one, putTokenInput }), 201)
  assert.deepEqual([again.id, again.properties.scopes], [made.id, scopes.slice(1)])
  assert.notEqual(again.properties.credentials.password, '')
  assert.notEqual(again.properties.credentials.password, made.properties.credentials.password)
}
