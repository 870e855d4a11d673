import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { ApiWorld, basic, bearer } from '../support/api-world.ts'
import type { ClientSetup } from '../support/product-client.ts'
import { ProductClient } from '../support/product-client.ts'

// The calls of the product's own clients, in their order and with their bodies: management-api.md 2.6 and 6.

const PASSWORD = 'correct horse battery'
const OWNER = 'ann@one.example'
const GO = { connection: 'close', 'user-agent': 'ionos-cloud-sdk-go/v1.0.4' }
const MOUNTS = ['', '/containerregistries'] as const

async function openWorld(t: TestContext): Promise<{ world: ApiWorld; shows: Record<string, ClientSetup['headers']> }> {
  const world = await ApiWorld.open({ ENTREPOT_LOCATIONS: 'de/fra,es/vit' })
  t.after(() => world[Symbol.asyncDispose]())
  const [first, second] = [await world.people.contract('one'), await world.people.contract('two')]
  await world.people.user(first, OWNER, { password: PASSWORD, role: 'owner' })
  await world.people.user(second, OWNER, { role: 'member', manageRegistry: true, linkExisting: true })
  const numbered = { 'x-contract-number': String(first) }
  const key = bearer((await world.people.apiKey(first, OWNER)).text)
  return {
    world,
    shows: {
      'Basic and a contract number': { authorization: basic(OWNER, PASSWORD), ...numbered },
      'an API key': { authorization: key },
      'an API key and a contract number': { authorization: key, ...numbered },
      'a session': { authorization: bearer(await world.people.session(first, OWNER)) },
    },
  }
}

const WAYS = ['Basic and a contract number', 'an API key', 'an API key and a contract number', 'a session']

/** One journey for every way to authenticate, at the mounts the client can be pointed to. */
function journey(
  client: string,
  mounts: readonly string[],
  headers: object,
  walk: (client: ProductClient) => Promise<void>,
) {
  for (const mount of mounts) {
    for (const way of WAYS) {
      test(`${client} at ${mount === '' ? 'the root' : mount}, with ${way}`, async (t) => {
        const { world, shows } = await openWorld(t)
        await walk(new ProductClient(world, { mount, headers: { ...headers, ...shows[way] } }))
      })
    }
  }
}

journey('Terraform: a registry', MOUNTS, GO, async (client) => {
  const body = {
    properties: {
      apiSubnetAllowList: ['1.2.3.4/32'],
      features: { vulnerabilityScanning: { enabled: true } },
      garbageCollectionSchedule: { days: ['Monday', 'Tuesday'], time: '05:19:00+00:00' },
      location: 'de/fra',
      name: 'terraform-one',
    },
  }
  const { json: made } = await client.call('POST', '/registries', 201, body)
  assert.equal(made.metadata.state, 'New')
  const running = await client.untilRunning(made.id)
  assert.equal(running.json.properties.hostname, 'cr.test/terraform-one')
  assert.deepEqual(running.json.properties.garbageCollectionSchedule, body.properties.garbageCollectionSchedule)

  const patch = { apiSubnetAllowList: [], features: { vulnerabilityScanning: { enabled: true } } }
  const patched = await client.call('PATCH', `/registries/${made.id}`, 200, patch)
  assert.equal(patched.json.metadata.state, 'Running')
  assert.deepEqual(patched.json.properties.apiSubnetAllowList, [])
  assert.deepEqual((await client.untilRunning(made.id)).json, patched.json)

  const { json: all } = await client.call('GET', '/registries', 200)
  assert.deepEqual(all.items, [patched.json])
  const { json: locations } = await client.call('GET', '/locations', 200)
  assert.deepEqual(locations.items, [{ id: 'de/fra' }, { id: 'es/vit' }])

  await client.call('DELETE', `/registries/${made.id}`, 204)
  await client.call('GET', `/registries/${made.id}`, 404)
  await client.call('DELETE', `/registries/${made.id}`, 404)
})

journey('Terraform: a token', MOUNTS, GO, async (client) => {
  const { json: registry } = await client.call('POST', '/registries', 201, {
    properties: { location: 'de/fra', name: 'terraform-two' },
  })
  const tokens = `/registries/${registry.id}/tokens`
  const scopes = [{ actions: ['pull', 'push', 'delete'], name: 'Scope1', type: 'backup' }]
  const { json: made } = await client.call('POST', tokens, 201, {
    properties: { expiryDate: '2023-01-13T16:27:42Z', name: 'terraform-token', scopes, status: 'enabled' },
  })
  assert.equal(made.properties.credentials.username, 'terraform-token')
  assert.notEqual(made.properties.credentials.password, '')
  const { json: read } = await client.call('GET', `${tokens}/${made.id}`, 200)
  assert.deepEqual([read.properties.expiryDate, read.properties.scopes], ['2023-01-13T16:27:42Z', scopes])
  assert.equal(read.properties.credentials.password, '')

  const update = { expiryDate: null, scopes: [{ ...scopes[0], name: 'Scope2' }], status: 'disabled' }
  await client.call('PATCH', `${tokens}/${made.id}`, 200, update)
  const { json: updated } = await client.call('GET', `${tokens}/${made.id}`, 200)
  assert.deepEqual({ ...updated.properties, ...update }, updated.properties)
  const { json: list } = await client.call('GET', tokens, 200)
  assert.deepEqual([list.items, list.count, list.total], [[updated], 1, 1])

  await client.call('DELETE', `${tokens}/${made.id}`, 204)
  await client.call('GET', `${tokens}/${made.id}`, 404)
  await client.call('DELETE', `${tokens}/${made.id}`, 404)
})

// ionosctl keeps scheme and host of what it is pointed to, and appends /containerregistries itself.
const IONOSCTL = ['/containerregistries']

journey('ionosctl: names and registries', IONOSCTL, GO, async (client) => {
  await client.call('HEAD', '/names/ionosctl-one', 404)
  const { json: made } = await client.call('POST', '/registries', 201, {
    properties: {
      features: { vulnerabilityScanning: { enabled: true } },
      garbageCollectionSchedule: { days: ['Wednesday'], time: '14:00:00Z' },
      location: 'de/fra',
      name: 'ionosctl-one',
    },
  })
  await client.call('HEAD', '/names/ionosctl-one', 200)
  await client.call('HEAD', '/names/Ionosctl_One', 400)
  // --wait follows Location, with depth.
  assert.equal((await client.call('GET', `/registries/${made.id}?depth=1`, 200)).json.id, made.id)
  assert.equal((await client.call('GET', '/registries', 200)).json.items.length, 1)
  assert.equal((await client.call('GET', '/registries?filter.name=OSCTL', 200)).json.items.length, 1)
  assert.equal((await client.call('GET', '/registries?filter.name=other', 200)).json.items.length, 0)

  const path = `/registries/${made.id}`
  const schedule = async (sent: object) =>
    (await client.call('PATCH', path, 200, { garbageCollectionSchedule: sent })).json.properties
      .garbageCollectionSchedule
  assert.deepEqual(await schedule({ days: ['Friday'], time: '01:23:00+00:00' }), {
    days: ['Friday'],
    time: '01:23:00+00:00',
  })
  assert.deepEqual(await schedule({ days: null, time: '16:00:00Z' }), { days: ['Friday'], time: '16:00:00Z' })

  const replaced = await client.call('PUT', path, 201, {
    properties: {
      garbageCollectionSchedule: { days: null, time: '01:23:00+00:00' },
      location: 'de/fra',
      name: 'ionosctl-one',
    },
  })
  assert.equal(replaced.json.metadata.createdDate, made.metadata.createdDate)
  await client.call('DELETE', path, 204)
  const again = await client.call('PUT', path, 201, { properties: { location: 'de/fra', name: 'ionosctl-one' } })
  assert.deepEqual([again.json.id, again.json.metadata.state], [made.id, 'New'])
  for (const { id } of (await client.call('GET', '/registries', 200)).json.items)
    await client.call('DELETE', `/registries/${id}`, 204)
  await client.call('HEAD', '/names/ionosctl-one', 404)
})

journey('ionosctl: tokens and their scopes', IONOSCTL, GO, async (client) => {
  const { json: registry } = await client.call('POST', '/registries', 201, {
    properties: { location: 'de/fra', name: 'ionosctl-two' },
  })
  const tokens = `/registries/${registry.id}/tokens`
  const { json: made } = await client.call('POST', tokens, 201, { properties: { name: 'tok', status: '' } })
  assert.equal(made.properties.status, 'enabled')
  const path = `${tokens}/${made.id}`
  await client.call('POST', tokens, 409, { properties: { name: 'tok' } })

  // scope add: GET, PATCH with what was there and one more.
  const add = async (scope: object) => {
    const { json } = await client.call('GET', path, 200)
    const { scopes, status } = json.properties
    return (await client.call('PATCH', path, 200, { scopes: [...scopes, scope], status })).json.properties.scopes
  }
  const [pull, push] = [
    { actions: ['pull'], name: 'app', type: 'repository' },
    { actions: ['push', 'write'], name: '*', type: 'namespace' },
  ]
  assert.deepEqual(await add(pull), [pull])
  assert.deepEqual(await add(push), [pull, push])

  // scope delete: GET, DELETE, PUT of the same id with the rest, which makes a new password.
  const { json: before } = await client.call('GET', path, 200)
  await client.call('DELETE', path, 204)
  const { json: remade } = await client.call('PUT', path, 201, {
    properties: { name: 'tok', scopes: before.properties.scopes.slice(1), status: before.properties.status },
  })
  assert.deepEqual([remade.id, remade.properties.scopes], [made.id, [push]])
  assert.notEqual(remade.properties.credentials.password, '')
  assert.notEqual(remade.properties.credentials.password, made.properties.credentials.password)

  // update, replace, the bulk forms.
  assert.equal((await client.call('PATCH', path, 200, { status: 'disabled' })).json.properties.status, 'disabled')
  const { json: replaced } = await client.call('PUT', path, 201, { properties: { name: 'tok', status: '' } })
  assert.deepEqual([replaced.properties.status, replaced.properties.credentials.password], ['enabled', ''])
  for (const { id } of (await client.call('GET', '/registries', 200)).json.items)
    for (const token of (await client.call('GET', `/registries/${id}/tokens`, 200)).json.items)
      await client.call('DELETE', `/registries/${id}/tokens/${token.id}`, 204)
  assert.deepEqual((await client.call('GET', tokens, 200)).json.items, [])
})

journey(
  'Ansible',
  MOUNTS,
  { 'user-agent': 'ansible-module/7.8.0_ionos-cloud-sdk-python-container-registry/2.0.0' },
  async (client) => {
    assert.deepEqual((await client.call('GET', '/registries', 200)).json.items, [])
    const { json: made } = await client.call('POST', '/registries', 201, {
      properties: {
        apiSubnetAllowList: [],
        features: {},
        garbageCollectionSchedule: { days: ['Wednesday'], time: '04:17:00+00:00' },
        location: 'de/fra',
        name: 'ansibletest123',
      },
    })
    assert.equal(made.properties.features.vulnerabilityScanning.enabled, true)
    await client.untilRunning(made.id)
    const path = `/registries/${made.id}`
    const patched = await client.call('PATCH', path, 200, {
      apiSubnetAllowList: ['192.168.0.167/24'],
      features: {},
      garbageCollectionSchedule: { days: ['Wednesday', 'Monday'], time: '04:17:00+00:00' },
    })
    assert.deepEqual(patched.json.properties.garbageCollectionSchedule.days, ['Wednesday', 'Monday'])
    // What Ansible takes for a replacement, under the same name, does not work with the genuine service either.
    const off = { features: { vulnerabilityScanning: { enabled: false } } }
    await client.call('PATCH', path, 400, off)
    await client.call('POST', '/registries', 400, {
      properties: { ...off, location: 'de/fra', name: 'ansibletest123' },
    })

    await client.call('GET', '/registries', 200)
    assert.deepEqual((await client.call('GET', `${path}/tokens`, 200)).json.items, [])
    const { json: token } = await client.call('POST', `${path}/tokens`, 201, {
      properties: {
        expiryDate: '2030-05-01T11:14:00+00:00',
        name: 'testRegistryToken',
        scopes: [{ actions: ['pull'], name: 'repo', type: 'repo' }],
        status: 'enabled',
      },
    })
    assert.equal(token.properties.expiryDate, '2030-05-01T11:14:00Z')
    await client.call('PATCH', `${path}/tokens/${token.id}`, 200, {
      expiryDate: '2031-05-01T11:14:00+00:00',
      status: 'disabled',
    })
    await client.call('DELETE', `${path}/tokens/${token.id}`, 204)

    await client.call('HEAD', '/names/ansibletest123', 200)
    await client.call('DELETE', path, 204)
    await client.call('HEAD', '/names/ansibletest123', 404)
  },
)

test('the contract number decides whose registries these are; a key stays in its contract', async (t) => {
  const { world, shows } = await openWorld(t)
  const mine = new ProductClient(world, { mount: '', headers: shows['Basic and a contract number'] ?? {} })
  const authorization = basic(OWNER, PASSWORD)
  const theirs = new ProductClient(world, { mount: '', headers: { authorization, 'x-contract-number': '2' } })
  const id = '0a1b2c3d-0000-4000-8000-000000000001'
  for (const [client, name] of [
    [mine, 'in-one'],
    [theirs, 'in-two'],
  ] as const)
    await client.call('PUT', `/registries/${id}`, 201, { properties: { location: 'de/fra', name } })
  for (const [client, name] of [
    [mine, 'in-one'],
    [theirs, 'in-two'],
  ] as const) {
    const { json } = await client.call('GET', '/registries', 200)
    assert.deepEqual(
      json.items.map((item: { properties: { name: string } }) => item.properties.name),
      [name],
    )
  }
  const key = { ...shows['an API key'], 'x-contract-number': '2' }
  await new ProductClient(world, { mount: '', headers: key }).call('GET', '/registries', 403)
})
