import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { DomainError } from '../../src/domain/error.ts'
import { parseRepositoryName } from '../../src/domain/repository-name.ts'
import { insertDataKey } from '../../src/metadata/tables/data-keys.ts'
import type { Actor } from '../../src/registries/deps.ts'
import { createRegistries } from '../../src/registries/registries.ts'
import type { Node } from '../support/auth-world.ts'
import { ADDRESS, AuthWorld, basic } from '../support/auth-world.ts'

// Two processes on one database, the real acts and the real authentication: a token changes its password without an outage.

const DAY = 86_400_000
const SCOPES = [{ type: 'repository', name: '*', actions: ['pull', 'push'] }]

async function scene() {
  const world = await AuthWorld.open()
  const there = await world.node()
  const contractId = await world.contract()
  const { metadata } = world.first
  const registries = createRegistries({
    metadata,
    keys: {
      prepare: async () => Buffer.alloc(60, 1),
      insert: (sql, registryId, fresh) =>
        insertDataKey(sql, registryId, { provider: 'test', wrapped: fresh as Buffer }),
    },
    newId: randomUUID,
    locations: ['de/fra'],
    reservedNames: new Set(),
    quarantineDays: 7,
    scanExisting: async () => {},
    storageReady: async () => true,
    later: () => {},
  })
  const email = 'ann@example.com'
  const actor: Actor = { contractId, email, userId: 'u', label: email, address: ADDRESS, registryIds: null }
  const input = { name: 'acme', location: null, gcSchedule: null, scanning: true, allowList: [] }
  const { id } = await registries.create(actor, input)
  const limitLifetime = (ms: number | null) =>
    world.change(async (sql) => {
      await sql.run`UPDATE contracts SET max_token_lifetime_ms = ${ms} WHERE id = ${contractId}`
    })
  const nodes = [world.first, there]
  return {
    world,
    nodes,
    registries,
    actor,
    id,
    limitLifetime,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

const credentials = (authorization: string) => ({ authorization, address: ADDRESS, service: 'entrepot' })

async function pull({ auth }: Node, authorization: string): Promise<string> {
  const target = {
    kind: 'repository',
    registry: 'acme',
    repository: parseRepositoryName('app'),
    action: 'pull',
  } as const
  try {
    return `ok ${(await auth.admit(credentials(authorization), target)).warnings().length}`
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    return error.kind
  }
}

async function logIn({ auth }: Node, password: string) {
  const asked = {
    authorization: undefined,
    address: ADDRESS,
    service: 'entrepot',
    scopes: ['repository:acme/app:pull'],
  }
  const grant = { type: 'password', username: 'ci', password } as const
  const issued = await auth.issueToken({ ...asked, grant, offline: true })
  const refresh = async (node: Node) => {
    const again = { type: 'refresh_token', refreshToken: issued.refreshToken ?? '' } as const
    return await node.auth.issueToken({ ...asked, grant: again, offline: false }).then(
      () => 'ok',
      (error: DomainError) => error.kind,
    )
  }
  return { bearer: `Bearer ${issued.token}`, refresh, warnings: issued.warnings }
}

test('rotation: both passwords work until the old one is revoked, which ends all that was got with it', async () => {
  await using given = await scene()
  const { world, nodes, registries, actor, id } = given
  const { token, password: old } = await registries.createToken(actor, id, {
    name: 'ci',
    scopes: SCOPES,
    expiryDate: null,
    status: null,
  })
  const oldLogin = await logIn(world.first, old)
  const { password: fresh } = await registries.rotateToken(actor, id, token.id)
  await world.change(async () => {})
  const newLogin = await logIn(world.first, fresh)
  for (const node of nodes) {
    for (const shown of [basic('ci', old), oldLogin.bearer]) assert.equal(await pull(node, shown), 'ok 1')
    for (const shown of [basic('ci', fresh), newLogin.bearer]) assert.equal(await pull(node, shown), 'ok 0')
    assert.deepEqual([await oldLogin.refresh(node), await newLogin.refresh(node)], ['ok', 'ok'])
  }
  const [first] = (await registries.getTokenDetails(actor, id, token.id)).secrets
  await registries.revokeTokenSecret(actor, id, token.id, first?.id ?? '')
  await world.change(async () => {})
  for (const node of nodes) {
    for (const shown of [basic('ci', old), oldLogin.bearer]) assert.equal(await pull(node, shown), 'unauthenticated')
    for (const shown of [basic('ci', fresh), newLogin.bearer]) assert.equal(await pull(node, shown), 'ok 0')
    assert.deepEqual([await oldLogin.refresh(node), await newLogin.refresh(node)], ['unauthenticated', 'ok'])
  }
})

test('rotation: whoever still uses the older password is told, and seen in its last use', async () => {
  await using given = await scene()
  const { world, registries, actor, id } = given
  const { token, password: old } = await registries.createToken(actor, id, {
    name: 'ci',
    scopes: SCOPES,
    expiryDate: null,
    status: null,
  })
  await registries.rotateToken(actor, id, token.id)
  await world.change(async () => {})
  const { warnings } = await logIn(world.first, old)
  assert.match(
    warnings.join(),
    /^token ci in registry acme has a newer password, made at 20\d\d-[\dT:-]+Z: change to it, this one will be revoked$/,
  )
  await world.auth.flush()
  const { secrets, lastUsed } = await registries.getTokenDetails(actor, id, token.id)
  assert.deepEqual(
    secrets.map((secret) => secret.lastUsed?.from ?? null),
    [ADDRESS, null],
  )
  assert.equal(lastUsed?.from, ADDRESS)
})

test('a limit on lifetimes ends a password that never expired, warns in its last days, and rotating starts anew', async () => {
  await using given = await scene()
  const { world, nodes, registries, actor, id, limitLifetime } = given
  const { token, password } = await registries.createToken(actor, id, {
    name: 'ci',
    scopes: SCOPES,
    expiryDate: null,
    status: null,
  })
  await limitLifetime(30 * DAY)
  const start = world.clock
  const answers = async (shown: string) => [await pull(nodes[0] as Node, shown), await pull(nodes[1] as Node, shown)]
  assert.deepEqual(await answers(basic('ci', password)), ['ok 0', 'ok 0'])
  world.clock = start + 24 * DAY
  assert.deepEqual(await answers(basic('ci', password)), ['ok 1', 'ok 1'])
  const { warnings, bearer } = await logIn(world.first, password)
  assert.match(warnings.join(), /^the password of token ci in registry acme ends at 2026-01-31T.*rotate the token/)
  const ping = await world.auth.admit(credentials(bearer), { kind: 'ping' })
  assert.deepEqual(ping.warnings(), warnings)
  assert.equal(ping.warnings(), warnings, 'the same array, so that headers are made once')
  const { password: fresh } = await registries.rotateToken(actor, id, token.id)
  world.clock = start + 30 * DAY + 60_000
  await world.change(async () => {})
  assert.deepEqual(await answers(basic('ci', password)), ['unauthenticated', 'unauthenticated'])
  assert.deepEqual(await answers(basic('ci', fresh)), ['ok 0', 'ok 0'])
  await limitLifetime(DAY)
  assert.deepEqual(await answers(basic('ci', fresh)), ['unauthenticated', 'unauthenticated'])
})
