import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { ADDRESS } from '../../test/support/auth-world.ts'
import { ADMIN, kindOf, SsoWorld } from '../../test/support/sso-world.ts'
import { OPERATOR } from '../accounts/deps.ts'
import type { Provider, ProviderChange } from './provider-values.ts'

let world: SsoWorld
let contract: number
let acme: Provider
let count = 0
/** Each test has a person of its own. */
let email: string

const RULES = [
  { group: 'dev', role: 'member', manageRegistry: false },
  { group: 'platform', role: 'member', manageRegistry: true },
  { group: 'lead', role: 'admin', manageRegistry: false },
] as const
const OWNER = { ...ADMIN, role: 'owner' } as const

before(async () => {
  world = await SsoWorld.open()
})
beforeEach(async () => {
  contract = await world.people.contract()
  acme = await world.provider(contract, { roleMapping: RULES })
  email = `ann${count++}@idp.example`
  world.idp.person = { sub: 'ann', email, groups: ['dev'] }
  world.refusals.length = 0
})
after(() => world[Symbol.asyncDispose]())

const inGroups = (...groups: string[]) => {
  world.idp.person = { ...world.idp.person, groups }
}
const change = (values: ProviderChange) => world.sso.changeProvider(contract, acme.id, values, ADMIN)
const member = async () => (await world.people.accounts.listUsers(contract)).find((one) => one.email === email)
const uses = (secret: string, number: number | null = null) =>
  kindOf(world.people.auth.authenticatePerson({ authorization: `Bearer ${secret}`, address: ADDRESS }, number))
const audited = () =>
  world.people.transact(
    (sql) => sql.all<{ actor: string; action: string }>`
      SELECT actor, action FROM audit_events WHERE contract_id = ${contract} AND subject = ${email} ORDER BY id`,
  )

test('the second login finds the same person, with what their groups give now', async () => {
  const first = await world.whoIs(await world.login(acme))
  inGroups('lead')
  const second = await world.whoIs(await world.login(acme))
  assert.deepEqual([first.userId, first.role], [second.userId, 'member'])
  assert.deepEqual([second.role, second.manageRegistry], ['admin', false])
  inGroups('platform', 'dev')
  const third = await world.whoIs(await world.login(acme))
  assert.deepEqual([third.role, third.manageRegistry], ['member', true])
  assert.deepEqual(
    (await audited()).map((row) => ({ ...row })),
    [
      { actor: 'sso:Acme', action: 'user.add' },
      { actor: email, action: 'session.create' },
      { actor: 'sso:Acme', action: 'user.change' },
      { actor: email, action: 'session.create' },
      { actor: 'sso:Acme', action: 'user.change' },
      { actor: email, action: 'session.create' },
    ],
  )
})

test('rights that become fewer end in earlier sessions too', async () => {
  inGroups('lead')
  const earlier = await world.login(acme)
  inGroups('dev')
  await world.login(acme)
  assert.equal((await world.whoIs(earlier)).role, 'member')
})

test('a new e-mail address at the provider makes no new person', async () => {
  const { userId } = await world.whoIs(await world.login(acme))
  world.idp.person = { ...world.idp.person, email: 'other@idp.example' }
  const again = await world.whoIs(await world.login(acme))
  assert.deepEqual([again.userId, again.email], [userId, email])
})

test('who is in no mapped group stays out and leaves nothing behind; a default lets them in', async () => {
  inGroups('sales')
  assert.equal(await world.tries(acme), 'denied')
  assert.equal(await member(), undefined)
  assert.match(world.refusals[0] ?? '', /^no_rights Acme: subject ann, ann\d+@idp\.example$/)
  await change({ defaultRole: 'member' })
  assert.equal((await world.whoIs(await world.login(acme))).role, 'member')
})

test('a login without a group ends what there was within a second; a group lets in again, with the keys of before', async () => {
  const earlier = await world.login(acme)
  const key = await world.people.apiKey(contract, email)
  assert.deepEqual([await uses(earlier.session), await uses(key.text)], ['ok', 'ok'])
  inGroups()
  assert.equal(await world.tries(acme), 'denied')
  await world.people.settled()
  assert.deepEqual([await uses(earlier.session), await uses(key.text)], ['unauthenticated', 'unauthenticated'])
  assert.equal((await member())?.isDisabled, true)
  assert.equal(await world.tries(acme), 'denied')
  inGroups('lead')
  const again = await world.login(acme)
  await world.people.settled()
  assert.equal((await world.whoIs(again)).role, 'admin')
  assert.deepEqual([await uses(earlier.session), await uses(key.text)], ['unauthenticated', 'ok'])
})

for (const how of ['switched off', 'deleted']) {
  test(`a provider that is ${how} ends the sessions it opened, but for that of who does it; keys stay`, async () => {
    const { session } = await world.login(acme)
    const [key, own] = [await world.people.apiKey(contract, email), await world.people.session(contract, email)]
    const { identityId } = await world.whoIs({ session, expiresAt: 0, returnTo: '', cookieName: '' })
    world.idp.person = { sub: 'bob', email: `bob-${email}`, groups: ['dev'] }
    const others = (await world.login(acme)).session
    const elsewhere = await world.provider(await world.people.contract(), { roleMapping: RULES })
    world.idp.person = { ...world.idp.person, email: `else-${email}` }
    const theirs = (await world.login(elsewhere)).session
    const doer = { ...ADMIN, identityId }
    if (how === 'deleted') await world.sso.deleteProvider(contract, acme.id, doer)
    else await world.sso.changeProvider(contract, acme.id, { enabled: false }, doer)
    await world.people.settled()
    const seen = [await uses(session), await uses(own), await uses(key.text), await uses(others)]
    assert.deepEqual(seen, ['ok', 'ok', 'ok', 'unauthenticated'])
    assert.equal(await uses(theirs), 'ok')
  })
}

test('a mapping that is gone ends rights at the next login', async () => {
  await world.login(acme)
  await change({ roleMapping: [] })
  assert.equal(await world.tries(acme), 'denied')
  assert.equal((await member())?.isDisabled, true)
})

test('whom an administrator disabled a login does not let in', async () => {
  const { userId } = await world.whoIs(await world.login(acme))
  await world.people.accounts.changeMembership({ contractId: contract, userId, disabled: true }, OWNER)
  assert.equal(await world.tries(acme), 'denied')
  inGroups()
  assert.equal(await world.tries(acme), 'denied')
  inGroups('dev')
  assert.equal(await world.tries(acme), 'denied')
  await world.people.accounts.changeMembership({ contractId: contract, userId, disabled: false }, OWNER)
  assert.equal(await world.tries(acme), 'ok')
})

test('a membership that is removed ends the session at once; the group brings the same person back', async () => {
  const { session } = await world.login(acme)
  const before = await member()
  const userId = before?.userId ?? ''
  await world.people.accounts.removeMembership({ contractId: contract, userId }, OWNER)
  assert.equal(await uses(session), 'unauthenticated')
  assert.equal((await world.whoIs(await world.login(acme))).userId, userId)
})

test('an e-mail address that is in use is never taken over: in this contract, in another one, or with a password', async () => {
  const other = await world.people.contract()
  for (const [at, password] of [
    [contract, null],
    [contract, 'correct horse'],
    [other, 'correct horse'],
  ] as const) {
    const taken = `taken${count++}@idp.example`
    await world.people.user(at, taken.toLowerCase(), { password, role: 'owner' })
    world.idp.person = { sub: `sub-${count}`, email: taken.toUpperCase(), email_verified: true, groups: ['lead'] }
    await assert.rejects(world.login(acme), { kind: 'conflict', message: /belongs to another account/ })
  }
  assert.match(world.refusals.at(-1) ?? '', /^email_taken Acme: subject sub-\d+, TAKEN/)
})

test('the same subject of another issuer is somebody else, and so is it in another contract', async () => {
  const other = await world.people.contract()
  const theirs = await world.provider(other, { roleMapping: RULES })
  const mine = await world.whoIs(await world.login(acme))
  assert.equal(await world.tries(theirs), 'conflict', 'the address is taken')
  world.idp.person = { ...world.idp.person, email: `b${email}` }
  const foreign = await world.whoIs(await world.login(theirs))
  assert.notEqual(mine.userId, foreign.userId)
  assert.deepEqual([mine.contractId, foreign.contractId], [contract, other])
  await using elsewhere = await SsoWorld.open()
  assert.notEqual(elsewhere.idp.issuer, world.idp.issuer)
})

test('a linked person keeps their account; the session opens this contract only, and nothing foreign', async () => {
  const other = await world.people.contract()
  const userId = await world.people.user(other, email, { role: 'owner', password: 'correct horse' })
  await world.people.user(contract, email, { linkExisting: true })
  assert.equal(await world.tries(acme), 'conflict')
  const place = { contractId: contract, providerId: acme.id }
  const link = await world.sso.linkSubject(place, { userId, subject: 'ann' }, ADMIN)
  assert.deepEqual([link.email, link.subject, link.lastLoginAt], [email, 'ann', null])
  inGroups('lead')
  const signedOn = await world.login(acme)
  const person = await world.whoIs(signedOn)
  assert.deepEqual([person.userId, person.contractId, person.role], [userId, contract, 'admin'])
  assert.deepEqual([await uses(signedOn.session, contract), await uses(signedOn.session, other)], ['ok', 'denied'])
  const [listed] = await world.sso.listLinks(place, { after: 0, limit: 10 })
  assert.ok(typeof listed?.lastLoginAt === 'number')
  inGroups()
  assert.equal(await world.tries(acme), 'denied')
  const there = await world.people.auth.logIn({ email, password: 'correct horse', address: ADDRESS }, null)
  assert.deepEqual([there.contractId, there.role], [other, 'owner'])
})

test('links: one subject is one member, one member one subject; unlinked, sessions end', async () => {
  const [ann, bob] = [await world.people.user(contract, email), await world.people.user(contract, `b${email}`)]
  const place = { contractId: contract, providerId: acme.id }
  const link = (userId: string, subject: string) => kindOf(world.sso.linkSubject(place, { userId, subject }, ADMIN))
  assert.equal(await link(ann, 'ann'), 'ok')
  assert.equal(await link(bob, 'ann'), 'conflict')
  assert.equal(await link(ann, 'other'), 'conflict')
  assert.equal(await link('6ba7b810-9dad-41d1-80b4-00c04fd430c8', 'x'), 'not_found')
  assert.equal(await link(await world.people.user(await world.people.contract(), `c${email}`), 'x'), 'not_found')
  assert.equal(await link(bob, ' '), 'input_invalid')
  const { session } = await world.login(acme)
  await world.sso.unlinkSubject(place, ann, ADMIN)
  assert.equal(await uses(session), 'unauthenticated')
  assert.equal(await kindOf(world.sso.unlinkSubject(place, ann, ADMIN)), 'not_found')
  assert.equal(await world.tries(acme), 'conflict')
  assert.equal((await member())?.isDisabled, false)
})

test('owners: linked and unlinked by owners only; groups neither make nor unmake them', async () => {
  const userId = await world.people.user(contract, email, { role: 'owner', password: 'correct horse' })
  const place = { contractId: contract, providerId: acme.id }
  const link = { userId, subject: 'ann' }
  await assert.rejects(world.sso.linkSubject(place, link, ADMIN), { kind: 'denied', message: /only an owner/ })
  await world.sso.linkSubject(place, link, OWNER)
  assert.equal((await world.whoIs(await world.login(acme))).role, 'owner')
  inGroups()
  assert.equal(await world.tries(acme), 'denied')
  const owner = await member()
  assert.deepEqual([owner?.role, owner?.isDisabled], ['owner', false])
  assert.equal(await kindOf(world.sso.unlinkSubject(place, userId, ADMIN)), 'denied')
  assert.equal(await kindOf(world.sso.unlinkSubject(place, userId, OWNER)), 'ok')
})

test('who signs on has no password, and nobody logs in with one', async () => {
  await world.login(acme)
  for (const password of ['', 'null', 'correct horse']) {
    assert.equal(await kindOf(world.people.auth.logIn({ email, password, address: ADDRESS }, null)), 'unauthenticated')
  }
})

test('two first logins of one person at once make one person', async () => {
  const starts = [await world.begin(acme), await world.begin(acme)]
  const nonces = starts.map(({ location }) => location.searchParams.get('nonce') ?? '')
  const finish = async (at: number) => {
    world.idp.nonce = nonces[at] ?? ''
    const start = starts[at]
    if (!start) throw new TypeError('two began')
    return await kindOf(world.finish(start))
  }
  assert.deepEqual([await finish(0), await finish(1)], ['ok', 'ok'])
  assert.equal((await world.people.accounts.listUsers(contract)).filter((one) => one.email === email).length, 1)
})

test('a person has a hundred sessions at most: the oldest go', async () => {
  const { session } = await world.login(acme)
  const { userId } = await world.whoIs({ session, expiresAt: 0, returnTo: '', cookieName: '' })
  const count = () =>
    world.people.transact(
      (sql) => sql.get<{ total: number }>`
        SELECT COUNT(*) AS total FROM sessions s JOIN identities i ON i.id = s.identity_id WHERE i.user_id = ${userId}`,
    )
  for (let more = 0; more < 100; more++) await world.people.session(contract, email)
  await world.login(acme)
  assert.equal((await count())?.total, 100)
})

test('a contract that is deleted leaves neither secrets of providers nor who its people were there', async () => {
  await world.login(acme)
  await world.people.accounts.deleteContract(contract, OPERATOR)
  const left = await world.people.transact(
    (sql) => sql.all`
      SELECT id FROM sso_providers WHERE contract_id = ${contract}
       UNION ALL SELECT id FROM sso_subjects WHERE contract_id = ${contract}`,
  )
  assert.deepEqual(left, [])
  assert.equal(await world.tries(acme), 'not_found')
})
