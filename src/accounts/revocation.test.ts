import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../test/support/auth-world.ts'
import { ADDRESS, AuthWorld, basic } from '../../test/support/auth-world.ts'
import type { UserPrincipal } from '../domain/actor.ts'
import type { DomainError } from '../domain/error.ts'
import { parseRepositoryName } from '../domain/repository-name.ts'
import type { Asker } from './deps.ts'
import { OPERATOR } from './deps.ts'

// Two processes on one database: what one of them ends, the other one no longer lets in, however warm its caches are.

const ANN = 'ann@example.com'
const PASSWORD = 'correct horse battery'

interface Scene {
  readonly world: AuthWorld
  readonly here: Node
  readonly contractId: number
  readonly userId: string
  readonly asker: Asker
  readonly keyId: string
}

const kindOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ok',
    (error: DomainError) => error.kind,
  )

const ENDS: readonly {
  name: string
  act: (scene: Scene) => Promise<unknown>
  /** By password, by key, by session; as Basic at the data plane, by a bearer token got with the password. */
  want: readonly [string, string, string, string, string]
}[] = [
  {
    name: 'a disabled membership',
    act: ({ here, contractId, userId }) =>
      here.accounts.changeMembership({ contractId, userId, disabled: true }, OPERATOR),
    want: ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
  {
    name: 'a removed membership',
    act: ({ here, contractId, userId }) => here.accounts.removeMembership({ contractId, userId }, OPERATOR),
    want: ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
  {
    name: 'a suspended contract',
    act: ({ here, contractId }) => here.accounts.changeContract({ contractId, state: 'suspended' }, OPERATOR),
    want: ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
  {
    name: 'a deleted contract',
    act: ({ here, contractId }) => here.accounts.deleteContract(contractId, OPERATOR),
    want: ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
  {
    name: 'a revoked key',
    act: ({ here, keyId, asker }) => here.accounts.revokeApiKey(keyId, asker),
    want: ['ok', 'unauthenticated', 'ok', 'ok', 'ok'],
  },
  {
    name: 'sessions ended',
    act: ({ here, asker }) => here.accounts.endOtherSessions(asker),
    want: ['ok', 'ok', 'unauthenticated', 'ok', 'ok'],
  },
  {
    name: 'a changed password',
    act: ({ here, asker }) =>
      here.accounts.changeOwnPassword({ current: PASSWORD, password: 'a new one entirely' }, asker),
    want: ['unauthenticated', 'ok', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
  {
    name: 'a password reset by link',
    act: async ({ here, contractId, userId }) => {
      const { secret } = await here.accounts.createResetLink({ contractId, userId }, OPERATOR)
      await here.accounts.redeemLink({ secret, password: 'a new one entirely', person: null, address: ADDRESS })
    },
    want: ['unauthenticated', 'ok', 'unauthenticated', 'unauthenticated', 'unauthenticated'],
  },
]

for (const { name, act, want } of ENDS) {
  test(`revocation: ${name} holds on every process`, async () => {
    await using world = await AuthWorld.open()
    const [here, there] = [world.first, await world.node()]
    const contractId = await world.contract()
    await world.registry(contractId, 'acme')
    await world.user(contractId, 'root@example.com', { role: 'owner' })
    const userId = await world.user(contractId, ANN, { password: PASSWORD, role: 'admin' })
    const asker: Asker = { person: await logIn(here), address: ADDRESS }
    const input = { name: 'laptop', expiresAt: null, readOnly: false, registries: null, actions: null }
    const { key, secret } = await here.accounts.createApiKey(input, asker)
    const began = { person: asker.person as UserPrincipal, replaces: null, address: ADDRESS, userAgent: null }
    const session = await here.accounts.createSession(began)
    const bearer = await bearerOf(here)
    const uses = (node: Node) =>
      Promise.all([
        manages(node, basic(ANN, PASSWORD)),
        manages(node, `Bearer ${secret}`),
        manages(node, `Bearer ${session.secret}`),
        pulls(node, basic(ANN, PASSWORD)),
        pulls(node, bearer),
      ])
    for (const node of [here, there]) assert.deepEqual(await uses(node), ['ok', 'ok', 'ok', 'ok', 'ok'])
    await act({ world, here, contractId, userId, asker, keyId: key.id })
    for (const node of [here, there]) assert.deepEqual(await uses(node), want)
  })
}

test('revocation: a role taken away holds on every process, and what is given counts there too', async () => {
  await using world = await AuthWorld.open()
  const [here, there] = [world.first, await world.node()]
  const contractId = await world.contract()
  const userId = await world.user(contractId, ANN, { password: PASSWORD, role: 'admin' })
  const roleIn = async ({ auth }: Node) => {
    const credentials = { authorization: basic(ANN, PASSWORD), address: ADDRESS }
    const { role, manageRegistry } = await auth.authenticatePerson(credentials, null)
    return [role, manageRegistry]
  }
  assert.deepEqual(await roleIn(there), ['admin', false])
  await here.accounts.changeMembership({ contractId, userId, role: 'member', manageRegistry: true }, OPERATOR)
  assert.deepEqual(
    [await roleIn(here), await roleIn(there)],
    [
      ['member', true],
      ['member', true],
    ],
  )
})

test('redeemLink: of many at once one gets in', async () => {
  await using world = await AuthWorld.open()
  const nodes = [world.first, await world.node()]
  const contractId = await world.contract()
  const input = { contractId, email: ANN, role: 'member', manageRegistry: false } as const
  const { secret } = await world.accounts.createInvitation(input, { label: 'x', address: null, role: 'owner' })
  const tries = Array.from({ length: 8 }, (_, at) => {
    const asked = { secret, password: `password number ${at}`, person: null, address: ADDRESS }
    return kindOf((nodes[at % 2] ?? world.first).accounts.redeemLink(asked))
  })
  const outcomes = await Promise.all(tries)
  assert.equal(outcomes.filter((outcome) => outcome === 'ok').length, 1, String(outcomes))
  assert.equal((await world.accounts.listUsers(contractId)).length, 1)
})

test('deleteContract: hundreds of registries under a delete id each, none of another contract', async () => {
  await using world = await AuthWorld.open()
  const [one, two] = [await world.contract(), await world.contract()]
  for (let at = 0; at < 30; at++) await world.registry(at % 3 === 0 ? two : one, `registry-${at}`)
  const { registries } = await world.accounts.deleteContract(one, OPERATOR)
  assert.equal(registries, 20)
  const rows = await world.transact(
    (sql) => sql.all<{ contract_id: number; delete_id: number | null; registry_id: number | null; id: number }>`
      SELECT r.id, r.contract_id, r.delete_id, d.registry_id FROM registries r LEFT JOIN deletions d ON d.id = r.delete_id`,
  )
  assert.ok(rows.every((row) => (row.contract_id === one ? row.registry_id === row.id : row.delete_id === null)))
  const candidates = await world.transact((sql) => sql.all`SELECT * FROM gc_candidates WHERE kind = 'deletion'`)
  assert.equal(candidates.length, 20)
  await world.registry(one, 'born-late')
  await world.accounts.finishDeletedContracts()
  const late = await world.transact(
    (sql) => sql.get<{ delete_id: number | null }>`
    SELECT delete_id FROM registries WHERE name = ${'born-late'}`,
  )
  assert.notEqual(late?.delete_id, null)
})

async function logIn({ auth }: Node): Promise<UserPrincipal> {
  return await auth.logIn({ email: ANN, password: PASSWORD, address: ADDRESS }, null)
}

const manages = ({ auth }: Node, authorization: string) =>
  kindOf(auth.authenticatePerson({ authorization, address: ADDRESS }, null))

function pulls({ auth }: Node, authorization: string): Promise<string> {
  const repository = parseRepositoryName('app')
  const target = { kind: 'repository', registry: 'acme', repository, action: 'pull' } as const
  return kindOf(auth.admit({ authorization, address: ADDRESS, service: 'entrepot' }, target))
}

async function bearerOf({ auth }: Node): Promise<string> {
  const scopes = ['repository:acme/app:pull']
  const asked = { authorization: basic(ANN, PASSWORD), address: ADDRESS, service: 'entrepot', scopes }
  return `Bearer ${(await auth.issueToken({ ...asked, grant: null, offline: false })).token}`
}
