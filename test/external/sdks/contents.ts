import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { digestOf, imageOf, RegistryClient } from '../faults/registry-client.ts'
import type { Bench } from './suite.ts'
import { expectAnswer, expectRefusal } from './understood.ts'

const SHORT = 'app'
const DEEP = 'dev/team/tests'
const NOTHING = `sha256:${'0'.repeat(64)}`

interface Filled {
  readonly registryId: string
  /** Of the artifact in DEEP, which has the tag v1. */
  readonly digest: string
}

/** A registry with an artifact in each of two repositories, pushed as clients push. */
async function fill({ server, name }: Bench): Promise<Filled> {
  const registry = await server.createRegistry(name())
  const client = new RegistryClient(server, registry.name, await server.createToken(registry.id, { name: 'ci' }))
  await client.push(imageOf(SHORT, 'latest', [randomBytes(1000)]))
  const image = imageOf(DEEP, 'v1', [randomBytes(1000)])
  await client.push(image)
  return { registryId: registry.id, digest: digestOf(image.manifest) }
}

const names = (items: { properties: { name: string } }[]): string[] => items.map(({ properties }) => properties.name)
const digests = (items: { properties: { digest: string } }[]): string[] =>
  items.map(({ properties }) => properties.digest)

/** The API's description names the token alone for these operations: given a password, the libraries show nothing at all. */
export async function withoutCredentials({ sdk, server, name }: Bench): Promise<void> {
  const { id: registryId } = await server.createRegistry(name())
  for (const operation of ['registriesRepositoriesGet', 'registriesArtifactsGet'])
    expectRefusal(await sdk.call(operation, { registryId }), 401, /authentication required/)
  const unknown = await sdk.call('vulnerabilitiesFindByID', { vulnerabilityId: 'CVE-1999-0001' })
  expectRefusal(unknown, 401, /authentication required/)
}

/** Operations 15 to 17: also with slashes in the name, which each library writes its own way. */
export async function repositories(bench: Bench): Promise<void> {
  const { sdk, read } = bench
  const { registryId } = await fill(bench)
  const path = `/registries/${registryId}/repositories`
  const { data: all } = await read('registriesRepositoriesGet', { registryId }, path)
  assert.deepEqual(names(all.items).sort(), [SHORT, DEEP])
  const sorted = { registryId, orderBy: 'name', offset: 1, limit: 1 }
  const { data: second } = await read('registriesRepositoriesGet', sorted, `${path}?orderBy=name&offset=1&limit=1`)
  assert.deepEqual(names(second.items), [DEEP])
  const filtered = await read(
    'registriesRepositoriesGet',
    { registryId, filterName: 'TEAM' },
    `${path}?filter.name=TEAM`,
  )
  assert.deepEqual(names(filtered.data.items), [DEEP])
  const severe = { registryId, filterVulnerabilitySeverity: 'critical' }
  const none = await read('registriesRepositoriesGet', severe, `${path}?filter.vulnerabilitySeverity=critical`)
  assert.deepEqual(none.data.items, [])

  for (const repositoryName of [SHORT, DEEP]) {
    const one = { registryId, repositoryName }
    const { data } = await read(
      'registriesRepositoriesFindByName',
      one,
      `${path}/${encodeURIComponent(repositoryName)}`,
    )
    assert.deepEqual([data.id, data.metadata.artifactCount, data.metadata.pushCount], [repositoryName, 1, 1])
    expectAnswer(await sdk.call('registriesRepositoriesDelete', one), 204)
    expectRefusal(await sdk.call('registriesRepositoriesFindByName', one), 404, /does not exist/)
    expectRefusal(await sdk.call('registriesRepositoriesDelete', one), 404, /does not exist/)
  }
  assert.deepEqual((await read('registriesRepositoriesGet', { registryId }, path)).data.items, [])
}

/** Operations 18 to 22. */
export async function artifacts(bench: Bench): Promise<void> {
  const { sdk, read } = bench
  const { registryId, digest } = await fill(bench)
  const registry = `/registries/${registryId}`
  const { data: all } = await read('registriesArtifactsGet', { registryId }, `${registry}/artifacts`)
  assert.equal(all.items.length, 2)
  assert.ok(digests(all.items).includes(digest))
  const page = { registryId, orderBy: '-lastPush', offset: 0, limit: 1 }
  const { data: newest } = await read(
    'registriesArtifactsGet',
    page,
    `${registry}/artifacts?orderBy=-lastPush&offset=0&limit=1`,
  )
  assert.deepEqual(digests(newest.items), [digest])
  const affected = { registryId, filterVulnerabilityId: 'CVE-1999-0001' }
  const query = 'filter.vulnerabilityId=CVE-1999-0001'
  assert.deepEqual((await read('registriesArtifactsGet', affected, `${registry}/artifacts?${query}`)).data.items, [])

  const within = { registryId, repositoryName: DEEP }
  const path = `${registry}/repositories/${encodeURIComponent(DEEP)}/artifacts`
  const { data: list } = await read('registriesRepositoriesArtifactsGet', within, path)
  assert.deepEqual(digests(list.items), [digest])
  const one = { ...within, digest }
  const { data } = await read('registriesRepositoriesArtifactsFindByDigest', one, `${path}/${digest}`)
  assert.deepEqual([data.id, data.properties.repositoryName, data.properties.tags], [digest, DEEP, ['v1']])
  expectRefusal(
    await sdk.call('registriesRepositoriesArtifactsFindByDigest', { ...one, digest: NOTHING }),
    404,
    /does not exist/,
  )

  const vulnerabilities = `${path}/${digest}/vulnerabilities`
  await read('registriesRepositoriesArtifactsVulnerabilitiesGet', one, vulnerabilities)
  await read(
    'registriesRepositoriesArtifactsVulnerabilitiesGet',
    { ...one, filterSeverity: 'high', filterFixable: true, orderBy: '-severity', offset: 0, limit: 5 },
    `${vulnerabilities}?filter.severity=high&filter.fixable=true&orderBy=-severity&offset=0&limit=5`,
  )
  const unknown = await sdk.call('vulnerabilitiesFindByID', { vulnerabilityId: 'CVE-1999-0001' })
  expectRefusal(unknown, 404, /is not known here/)
}
