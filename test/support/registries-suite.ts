import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { parseSecret } from '../../src/domain/secret.ts'
import type { RegistryInput } from '../../src/registries/create-registry.ts'
import type { OpenMetadata } from './management.ts'
import { actor, openControlPlane } from './management.ts'

const input = (more: Partial<RegistryInput> = {}): RegistryInput => ({
  name: 'acme',
  location: null,
  gcSchedule: null,
  scanning: true,
  allowList: [],
  ...more,
})
const token = { name: 'ci', scopes: [], expiryDate: null, status: null }
const [one, two] = [actor(1), actor(2)]
const DAY = 86_400_000

async function open(t: TestContext, openMetadata: OpenMetadata) {
  const plane = await openControlPlane({ openMetadata })
  t.after(() => plane[Symbol.asyncDispose]())
  const rows = async <T>(table: 'audit' | 'deletions' | 'candidates' | 'keys' | 'secrets' | 'epoch'): Promise<T[]> =>
    await plane.metadata.read(async (sql) => {
      if (table === 'audit') return await sql.all<T>`SELECT * FROM audit_events ORDER BY id`
      if (table === 'deletions') return await sql.all<T>`SELECT * FROM deletions`
      if (table === 'candidates') return await sql.all<T>`SELECT * FROM gc_candidates`
      if (table === 'keys') return await sql.all<T>`SELECT * FROM data_keys`
      if (table === 'secrets') return await sql.all<T>`SELECT * FROM registry_token_secrets`
      return await sql.all<T>`SELECT epoch FROM auth_epoch`
    })
  return { ...plane, rows }
}

const badRegistries: { name: string; input: Partial<RegistryInput>; kind: string; says: RegExp }[] = [
  { name: 'a name with upper case', input: { name: 'Acme' }, kind: 'name_invalid', says: /"Acme".*3 to 63 lower-case/ },
  { name: 'a name of two characters', input: { name: 'ab' }, kind: 'name_invalid', says: /3 to 63/ },
  { name: 'a name of 64 characters', input: { name: 'a'.repeat(64) }, kind: 'name_invalid', says: /3 to 63/ },
  { name: 'a name ending in a hyphen', input: { name: 'acme-' }, kind: 'name_invalid', says: /ending with a letter/ },
  {
    name: 'an unknown location',
    input: { location: 'us/nyc' },
    kind: 'input_invalid',
    says: /"us\/nyc" does not exist: choose one of de\/fra, es\/vit/,
  },
  {
    name: 'a day in lower case',
    input: { gcSchedule: { days: ['monday'], time: '01:00:00' } },
    kind: 'input_invalid',
    says: /days: "monday".*Monday, Tuesday/,
  },
  {
    name: 'an hour that does not exist',
    input: { gcSchedule: { days: [], time: '24:00:00Z' } },
    kind: 'input_invalid',
    says: /time: "24:00:00Z"/,
  },
  {
    name: 'a time in another zone',
    input: { gcSchedule: { days: [], time: '01:00:00+02:00' } },
    kind: 'input_invalid',
    says: /time/,
  },
  {
    name: 'a network that is none',
    input: { allowList: ['10.0.0.0/33'] },
    kind: 'input_invalid',
    says: /"10\.0\.0\.0\/33"/,
  },
  {
    name: 'more than 25 networks',
    input: { allowList: Array(26).fill('10.0.0.1') },
    kind: 'input_invalid',
    says: /26 entries: at most 25/,
  },
]

const badTokens = [
  { name: 'a name with a dollar', input: { name: 'robot$ci' }, kind: 'name_invalid', says: /"robot\$ci"/ },
  {
    name: 'a date that is none',
    input: { expiryDate: '2023-02-30T00:00:00Z' },
    kind: 'input_invalid',
    says: /RFC 3339/,
  },
  {
    name: 'a date without a zone',
    input: { expiryDate: '2023-02-03T00:00:00' },
    kind: 'input_invalid',
    says: /RFC 3339/,
  },
  { name: 'an empty date', input: { expiryDate: '' }, kind: 'input_invalid', says: /RFC 3339/ },
  { name: 'a status of its own', input: { status: 'paused' }, kind: 'input_invalid', says: /enabled or disabled/ },
  {
    name: 'an empty word in a scope',
    input: { scopes: [{ actions: ['pull'], name: '', type: 'repository' }] },
    kind: 'input_invalid',
    says: /scopes\[0\]\.name has 0/,
  },
  {
    name: 'too many scopes',
    input: { scopes: Array(101).fill({ actions: [], name: '*', type: 'x' }) },
    kind: 'input_invalid',
    says: /101 entries: at most 100/,
  },
]

/** What the control plane's acts promise, on one database engine. */
export function registriesSuite(engine: string, openMetadata: OpenMetadata, skip: string | false = false): void {
  const options = { skip }
  test(`${engine}: create: the row, its first data key and the audit row come together`, options, async (t) => {
    const { registries, rows } = await open(t, openMetadata)
    const made = await registries.create(one, input())
    assert.equal(made.state, 'New')
    assert.equal(made.location, 'de/fra')
    assert.deepEqual(
      (await rows<{ registry_id: number; version: number }>('keys')).map((key) => [key.registry_id, key.version]),
      [[made.internalId, 1]],
    )
    assert.deepEqual(
      (await rows<{ action: string; subject: string; actor: string; address: string }>('audit')).map((row) => [
        row.action,
        row.subject,
        row.actor,
        row.address,
      ]),
      [['registry.create', 'acme', 'owner@1.example', '192.0.2.1']],
    )
  })

  test(`${engine}: settle: a new registry waits for the storage, then runs`, options, async (t) => {
    const { registries, storage, later } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    storage.ready = false
    await registries.settle()
    assert.equal((await registries.get(one, id)).state, 'WaitingForStorage')
    storage.ready = true
    assert.equal(later.length, 1)
    await later[0]?.()
    assert.equal((await registries.get(one, id)).state, 'Running')
  })

  test(`${engine}: delete: hidden at once, restorable until the end of quarantine`, options, async (t) => {
    const { registries, rows, clock } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const [before] = await rows<{ epoch: number }>('epoch')
    const { restorableUntil } = await registries.delete(one, id)
    assert.ok(Math.abs(restorableUntil - clock.now - 7 * DAY) < 60_000)
    await assert.rejects(registries.get(one, id), { kind: 'not_found' })
    await assert.rejects(registries.delete(one, id), { kind: 'not_found' })
    const [deletion] = await rows<{
      id: number
      kind: string
      contract_id: number
      purge_after: number
      deleted_by: string
    }>('deletions')
    assert.deepEqual(
      [deletion?.kind, deletion?.contract_id, deletion?.purge_after, deletion?.deleted_by],
      ['registry', 1, restorableUntil, 'owner@1.example'],
    )
    const [candidate] = await rows<{ kind: string; subject_id: number; review_after: number }>('candidates')
    assert.deepEqual(
      [candidate?.kind, candidate?.subject_id, candidate?.review_after],
      ['deletion', deletion?.id, restorableUntil],
    )
    const [after] = await rows<{ epoch: number }>('epoch')
    assert.ok((after?.epoch ?? 0) > (before?.epoch ?? 0), 'cached authorizations are void')
  })

  test(`${engine}: names: taken across contracts, and for the others until quarantine ends`, options, async (t) => {
    const { registries, clock } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    assert.equal(await registries.checkName(one, 'acme'), 'taken')
    assert.equal(await registries.checkName(two, 'acme'), 'taken')
    assert.equal(await registries.checkName(two, 'acme-2'), 'free')
    for (const who of [one, two])
      await assert.rejects(registries.create(who, input()), { kind: 'conflict', message: /"acme" is already taken/ })

    await registries.delete(one, id)
    assert.equal(await registries.checkName(one, 'acme'), 'free')
    assert.equal(await registries.checkName(two, 'acme'), 'taken')
    await assert.rejects(registries.create(two, input()), { kind: 'conflict' })

    clock.now += 7 * DAY + 60_000
    assert.equal(await registries.checkName(two, 'acme'), 'free')
    assert.equal((await registries.create(two, input())).name, 'acme')
    assert.equal(await registries.checkName(one, 'acme'), 'taken')
  })

  test(`${engine}: names: the own contract may reuse one at once`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    await registries.delete(one, (await registries.create(one, input())).id)
    assert.equal((await registries.create(one, input())).name, 'acme')
  })

  test(`${engine}: names: two creations at once, one wins`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const results = await Promise.allSettled([registries.create(one, input()), registries.create(two, input())])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test(`${engine}: a name that hides the API is reserved`, options, async (t) => {
    const naming = {
      publicUrl: 'https://cr.example.com',
      domain: 'example.com',
      locations: [{ id: 'de/fra', between: null }],
    }
    const { registries, ...plane } = await openControlPlane({ naming, openMetadata })
    t.after(() => plane[Symbol.asyncDispose]())
    await assert.rejects(registries.create(one, input({ name: 'a'.repeat(2) })), { kind: 'name_invalid' })
    const reserved = await openControlPlane({
      naming: { ...naming, publicUrl: 'https://registry.example.com' },
      openMetadata,
    })
    t.after(() => reserved[Symbol.asyncDispose]())
    assert.equal(await reserved.registries.checkName(one, 'registry'), 'taken')
    await assert.rejects(reserved.registries.create(one, input({ name: 'registry' })), { kind: 'conflict' })
  })

  test(`${engine}: two contracts: ids, names, lists and tokens of one are unknown to the other`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const mine = await registries.create(one, input({ name: 'mine' }))
    const { token: myToken } = await registries.createToken(one, mine.id, token)
    const theirs = await registries.create(two, input({ name: 'theirs' }))
    const page = { limit: 10, token: null, nameContains: null }
    assert.deepEqual(
      (await registries.list(two, page)).registries.map(({ name }) => name),
      ['theirs'],
    )
    const attempts = [
      () => registries.get(two, mine.id),
      () => registries.getNamed(two, 'mine'),
      () => registries.delete(two, mine.id),
      () => registries.listTokens(two, mine.id, { limit: 1, offset: 0 }),
      () => registries.createToken(two, mine.id, token),
      () => registries.getToken(two, mine.id, myToken.id),
      () => registries.getToken(two, theirs.id, myToken.id),
      () => registries.getTokenNamed(two, theirs.id, 'ci'),
      () => registries.setTokenStatus(two, theirs.id, myToken.id, 'disabled'),
      () => registries.deleteToken(two, mine.id, myToken.id),
      () => registries.deleteToken(two, theirs.id, myToken.id),
    ]
    for (const attempt of attempts) await assert.rejects(attempt(), { kind: 'not_found' })
    assert.equal((await registries.getToken(one, mine.id, myToken.id)).status, 'enabled')
  })

  test(`${engine}: a key limited to chosen registries sees those, and creates none`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const a = await registries.create(one, input({ name: 'aaa' }))
    const b = await registries.create(one, input({ name: 'bbb' }))
    await registries.create(one, input({ name: 'ccc' }))
    const page = { limit: 10, token: null, nameContains: null }
    const names = async (ids: number[]) =>
      (await registries.list(actor(1, ids), page)).registries.map(({ name }) => name)
    assert.deepEqual(await names([a.internalId, b.internalId]), ['aaa', 'bbb'])
    assert.deepEqual(await names([b.internalId]), ['bbb'])
    assert.deepEqual(await names([]), [])
    await assert.rejects(registries.get(actor(1, [a.internalId]), b.id), { kind: 'not_found' })
    await assert.rejects(registries.create(actor(1, [a.internalId]), input({ name: 'ddd' })), { kind: 'denied' })
  })

  test(`${engine}: list: pages in order of creation, filters by part of the name`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    for (const name of ['zeta', 'alpha', 'beta', 'alphabet']) await registries.create(one, input({ name }))
    const names: string[][] = []
    let next: string | null = null
    do {
      const page: Awaited<ReturnType<typeof registries.list>> = await registries.list(one, {
        limit: 3,
        token: next,
        nameContains: null,
      })
      names.push(page.registries.map(({ name }) => name))
      next = page.next
    } while (next !== null)
    assert.deepEqual(names, [['zeta', 'alpha', 'beta'], ['alphabet']])
    const filtered = async (nameContains: string) =>
      (await registries.list(one, { limit: 3, token: null, nameContains })).registries.map(({ name }) => name)
    assert.deepEqual(await filtered('PHA'), ['alpha', 'alphabet'])
    assert.deepEqual(await filtered('%'), [])
    assert.deepEqual(await filtered('_eta'), [])
    await assert.rejects(registries.list(one, { limit: 3, token: 'nonsense', nameContains: null }), {
      kind: 'input_invalid',
      message: /pagination\.token/,
    })
  })

  for (const { name, input: more, kind, says } of badRegistries) {
    test(`${engine}: create refuses ${name}`, options, async (t) => {
      const { registries } = await open(t, openMetadata)
      await assert.rejects(registries.create(one, input(more)), { kind, message: says })
    })
  }

  test(`${engine}: tokens: the secret is shown once and only its hash is kept`, options, async (t) => {
    const { registries, rows } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const scopes = [{ actions: ['backup', 'pull'], name: 'team/*', type: 'repository' }]
    const made = await registries.createToken(one, id, { ...token, scopes, expiryDate: '2020-02-29T23:59:59.9+01:00' })
    const [secret] = await rows<{ key_id: string; secret_hash: string }>('secrets')
    assert.equal(parseSecret(made.password)?.keyId, secret?.key_id)
    assert.ok(!JSON.stringify(await rows('audit')).includes(made.password))
    assert.deepEqual(made.token.scopes, scopes)
    assert.equal(made.token.expiresAt, Date.UTC(2020, 1, 29, 22, 59, 59))
    await assert.rejects(registries.createToken(one, id, token), {
      kind: 'conflict',
      message: /already has a token named "ci"/,
    })
  })

  test(`${engine}: tokens: disabling and deleting move the auth epoch and are audited`, options, async (t) => {
    const { registries, rows } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const { token: made } = await registries.createToken(one, id, token)
    const epochs = [(await rows<{ epoch: number }>('epoch'))[0]?.epoch ?? 0]
    const disabled = await registries.setTokenStatus(one, id, made.id, 'disabled')
    assert.equal(disabled.status, 'disabled')
    assert.equal(disabled.modified?.by, 'owner@1.example')
    epochs.push((await rows<{ epoch: number }>('epoch'))[0]?.epoch ?? 0)
    await registries.deleteToken(one, id, made.id)
    epochs.push((await rows<{ epoch: number }>('epoch'))[0]?.epoch ?? 0)
    assert.deepEqual(
      epochs.toSorted((a, b) => a - b),
      epochs,
    )
    assert.equal(new Set(epochs).size, 3)
    assert.notEqual((await rows<{ revoked_at: number | null }>('secrets'))[0]?.revoked_at, null)
    assert.deepEqual(
      (await rows<{ action: string }>('audit')).map(({ action }) => action),
      ['registry.create', 'token.create', 'token.disable', 'token.delete'],
    )
    assert.equal((await registries.createToken(one, id, token)).token.name, 'ci')
  })

  for (const { name, input: more, kind, says } of badTokens) {
    test(`${engine}: createToken refuses ${name}`, options, async (t) => {
      const { registries } = await open(t, openMetadata)
      const { id } = await registries.create(one, input())
      await assert.rejects(registries.createToken(one, id, { ...token, ...more }), { kind, message: says })
    })
  }
}
