import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { parseSecret } from '../../src/domain/secret.ts'
import type { Registries } from '../../src/registries/registries.ts'
import type { OpenMetadata } from './management.ts'
import { actor, openControlPlane } from './management.ts'

const DAY = 86_400_000
const [one, two] = [actor(1), actor(2)]
const NEW_TOKEN = { name: 'ci', scopes: [], expiryDate: null, status: null }

/** Time goes by whole seconds here, since dates on the wire have no smaller ones. */
async function open(t: TestContext, openMetadata: OpenMetadata) {
  const plane = await openControlPlane({ openMetadata })
  t.after(() => plane[Symbol.asyncDispose]())
  const { registries, metadata, clock } = plane
  const { id } = await registries.create(one, {
    name: 'acme',
    location: null,
    gcSchedule: null,
    scanning: true,
    allowList: [],
  })
  const limitLifetime = (ms: number | null) =>
    metadata.transact((sql) => sql.run`UPDATE contracts SET max_token_lifetime_ms = ${ms} WHERE id = 1`)
  const use = (password: string, at: number, from: string) => {
    const keyId = parseSecret(password)?.keyId ?? ''
    return metadata.transact(
      (sql) =>
        sql.run`UPDATE registry_token_secrets SET last_used_at = ${at}, last_used_from = ${from} WHERE key_id = ${keyId}`,
    )
  }
  const audit = () =>
    metadata.read(
      (sql) => sql.all<{ action: string; detail: string }>`SELECT action, detail FROM audit_events ORDER BY id`,
    )
  const epoch = async () =>
    (await metadata.read((sql) => sql.get<{ epoch: number }>`SELECT epoch FROM auth_epoch`))?.epoch ?? 0
  return { registries, clock, id, limitLifetime, use, audit, epoch }
}

/** Seconds by the test's clock, since PostgreSQL's own runs on beside it. */
const near = (actual: number | null | undefined, expected: number) =>
  assert.ok(typeof actual === 'number' && Math.abs(actual - expected) < 60_000, `${actual} is not about ${expected}`)

const idOf = (password: string): string => parseSecret(password)?.keyId ?? ''
const dateOf = (ms: number): string => new Date(ms).toISOString()

/** What a token's secrets promise, on one database engine. */
export function tokenSecretsSuite(engine: string, openMetadata: OpenMetadata, skip: string | false = false): void {
  const options = { skip }

  test(`${engine}: rotateToken: a second password, shown once, the first stays`, options, async (t) => {
    const { registries, id, audit, epoch } = await open(t, openMetadata)
    const { token, password } = await registries.createToken(one, id, NEW_TOKEN)
    const before = await epoch()
    const rotated = await registries.rotateToken(one, id, token.id)
    assert.notEqual(rotated.password, password)
    assert.equal(rotated.secretId, idOf(rotated.password))
    assert.deepEqual(
      rotated.token.secrets.map((secret) => secret.id),
      [idOf(password), idOf(rotated.password)],
    )
    assert.ok((await epoch()) > before)
    const events = await audit()
    assert.equal(events.at(-1)?.action, 'token.rotate')
    assert.equal(JSON.parse(events.at(-1)?.detail ?? '{}').secret, rotated.secretId)
    assert.ok(!JSON.stringify(events).includes(rotated.password))
    const told = JSON.stringify(await registries.getTokenDetails(one, id, token.id))
    assert.ok(!told.includes(password) && !told.includes(rotated.password))
  })

  test(`${engine}: rotateToken: never three, and the refusal names both`, options, async (t) => {
    const { registries, id, use, clock } = await open(t, openMetadata)
    const { token, password } = await registries.createToken(one, id, NEW_TOKEN)
    const second = await registries.rotateToken(one, id, token.id)
    await use(password, clock.now, '192.0.2.9')
    const refused = registries.rotateToken(one, id, token.id)
    const both = new RegExp(
      `"ci" has 2 live secrets already, ${idOf(password)} \\(made .*, last used 2026-.*\\) and ${second.secretId} \\(made .*, never used\\): revoke one`,
    )
    await assert.rejects(refused, { kind: 'conflict', message: both })
    await registries.revokeTokenSecret(one, id, token.id, idOf(password))
    const third = await registries.rotateToken(one, id, token.id)
    assert.deepEqual(
      third.token.secrets.map((secret) => secret.id),
      [second.secretId, third.secretId],
    )
  })

  test(`${engine}: rotateToken: two at once never make three`, options, async (t) => {
    const { registries, id } = await open(t, openMetadata)
    const { token } = await registries.createToken(one, id, NEW_TOKEN)
    const results = await Promise.allSettled([1, 2, 3].map(() => registries.rotateToken(one, id, token.id)))
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected'])
    assert.equal((await registries.getTokenDetails(one, id, token.id)).secrets.length, 2)
  })

  test(`${engine}: revokeTokenSecret: once, of this token only, also the last one`, options, async (t) => {
    const { registries, id, audit, epoch } = await open(t, openMetadata)
    const first = await registries.createToken(one, id, NEW_TOKEN)
    const other = await registries.createToken(one, id, { ...NEW_TOKEN, name: 'other' })
    const revoke = (secretId: string) => registries.revokeTokenSecret(one, id, first.token.id, secretId)
    await assert.rejects(revoke(idOf(other.password)), { kind: 'not_found' })
    const before = await epoch()
    await revoke(idOf(first.password))
    assert.ok((await epoch()) > before)
    await assert.rejects(revoke(idOf(first.password)), {
      kind: 'not_found',
      message: `secret ${idOf(first.password)} of token "ci" does not exist`,
    })
    assert.deepEqual((await registries.getTokenDetails(one, id, first.token.id)).secrets, [])
    assert.equal((await registries.getTokenDetails(one, id, other.token.id)).secrets.length, 1)
    const event = (await audit()).at(-1)
    assert.deepEqual(
      [event?.action, JSON.parse(event?.detail ?? '{}').secret],
      ['token.revoke_secret', idOf(first.password)],
    )
    assert.equal((await registries.rotateToken(one, id, first.token.id)).token.secrets.length, 1)
  })

  test(`${engine}: secrets of another contract's token cannot be seen, made or revoked`, options, async (t) => {
    const { registries, id } = await open(t, openMetadata)
    const { token, password } = await registries.createToken(one, id, NEW_TOKEN)
    const attempts = [
      () => registries.listTokenDetails(two, id, { limit: 10, after: 0 }),
      () => registries.getTokenDetails(two, id, token.id),
      () => registries.rotateToken(two, id, token.id),
      () => registries.revokeTokenSecret(two, id, token.id, idOf(password)),
      () => registries.rotateToken(actor(1, []), id, token.id),
    ]
    for (const attempt of attempts) await assert.rejects(attempt(), { kind: 'not_found' })
  })

  test(`${engine}: deleting a token ends both of its secrets`, options, async (t) => {
    const { registries, id } = await open(t, openMetadata)
    const { token } = await registries.createToken(one, id, NEW_TOKEN)
    await registries.rotateToken(one, id, token.id)
    await registries.deleteToken(one, id, token.id)
    await assert.rejects(registries.rotateToken(one, id, token.id), { kind: 'not_found' })
    const again = await registries.createToken(one, id, NEW_TOKEN)
    assert.equal((await registries.getTokenDetails(one, id, again.token.id)).secrets.length, 1)
  })

  test(`${engine}: the last use of a token outlives the secret it was made with`, options, async (t) => {
    const { registries, id, use, clock } = await open(t, openMetadata)
    const { token, password } = await registries.createToken(one, id, NEW_TOKEN)
    assert.equal((await registries.getTokenDetails(one, id, token.id)).lastUsed, null)
    const second = await registries.rotateToken(one, id, token.id)
    await use(second.password, clock.now - 5000, '192.0.2.2')
    await use(password, clock.now, '192.0.2.1')
    await registries.revokeTokenSecret(one, id, token.id, idOf(password))
    const details = await registries.getTokenDetails(one, id, token.id)
    assert.deepEqual(details.lastUsed, { at: clock.now, from: '192.0.2.1' })
    assert.deepEqual(
      details.secrets.map(({ lastUsed }) => lastUsed),
      [{ at: clock.now - 5000, from: '192.0.2.2' }],
    )
  })

  test(`${engine}: listTokenDetails: keyset pages, each token with its own secrets`, options, async (t) => {
    const { registries, id } = await open(t, openMetadata)
    const passwords: string[] = []
    for (const name of ['zz', 'aa', 'mm']) {
      passwords.push((await registries.createToken(one, id, { ...NEW_TOKEN, name })).password)
    }
    const first = await registries.listTokenDetails(one, id, { limit: 2, after: 0 })
    const rest = await registries.listTokenDetails(one, id, { limit: 2, after: first.at(-1)?.internalId ?? 0 })
    assert.deepEqual(
      [...first, ...rest].map(({ name, secrets }) => [name, secrets.map((secret) => secret.id)]),
      [
        ['zz', [idOf(passwords[0] ?? '')]],
        ['aa', [idOf(passwords[1] ?? '')]],
        ['mm', [idOf(passwords[2] ?? '')]],
      ],
    )
  })

  lifetimeTests(engine, openMetadata, options)
}

const create = (registries: Registries, id: string, expiryDate: string | null) =>
  registries.createToken(one, id, { ...NEW_TOKEN, expiryDate })

function lifetimeTests(engine: string, openMetadata: OpenMetadata, options: { readonly skip: string | false }): void {
  test(`${engine}: a limit on lifetimes: creation names it and the latest date allowed`, options, async (t) => {
    const { registries, id, clock, limitLifetime } = await open(t, openMetadata)
    await limitLifetime(90 * DAY)
    const missing =
      /^expiryDate is missing: .*at most 90 days in contract 1 \(maxTokenLifetime\); write 2026-05-01T1.*Z or earlier$/
    await assert.rejects(create(registries, id, null), { kind: 'input_invalid', message: missing })
    const late = create(registries, id, dateOf(clock.now + 91 * DAY))
    await assert.rejects(late, { kind: 'input_invalid', message: /^expiryDate "2026-05-02T.*" is too far.*90 days/ })
    const [latest = ''] =
      /2026-05-01T[\d:]+Z/.exec(await create(registries, id, null).catch(({ message }) => message)) ?? []
    const { token } = await create(registries, id, latest)
    assert.equal((await registries.getTokenDetails(one, id, token.id)).effectiveExpiresAt, Date.parse(latest))
  })

  test(`${engine}: a limit on lifetimes shortens what is there, and rotating starts a new term`, options, async (t) => {
    const { registries, id, clock, limitLifetime } = await open(t, openMetadata)
    const madeAt = clock.now
    const { token } = await create(registries, id, null)
    await limitLifetime(30 * DAY)
    near((await registries.getTokenDetails(one, id, token.id)).effectiveExpiresAt, madeAt + 30 * DAY)
    clock.now += 20 * DAY
    const { token: rotated } = await registries.rotateToken(one, id, token.id)
    near(rotated.effectiveExpiresAt, madeAt + 50 * DAY)
    near(rotated.secrets[0]?.expiresAt, madeAt + 30 * DAY)
    near(rotated.secrets[1]?.expiresAt, madeAt + 50 * DAY)
    assert.equal(rotated.expiresAt, null)
    clock.now += 15 * DAY
    const { token: again } = await registries.rotateToken(one, id, token.id)
    assert.deepEqual([again.secrets.length, again.secrets[0]?.id], [2, rotated.secrets[1]?.id], 'the outlived one went')
  })

  test(`${engine}: rotating can move the expiry, within the limit`, options, async (t) => {
    const { registries, id, clock, limitLifetime } = await open(t, openMetadata)
    const { token } = await create(registries, id, dateOf(clock.now + DAY))
    clock.now += 2 * DAY
    const refused = registries.rotateToken(one, id, token.id)
    await assert.rejects(refused, {
      kind: 'conflict',
      message: /"ci" expired at 2026-02-01T12:00:00Z.*later expiryDate/,
    })
    await limitLifetime(7 * DAY)
    for (const expiryDate of [null, dateOf(clock.now + 8 * DAY)]) {
      const beyond = registries.rotateToken(one, id, token.id, { expiryDate })
      await assert.rejects(beyond, { kind: 'input_invalid', message: /at most 7 days/ })
    }
    const expiryDate = dateOf(clock.now + 6 * DAY)
    const { token: rotated } = await registries.rotateToken(one, id, token.id, { expiryDate })
    assert.equal(rotated.expiresAt, Math.floor(Date.parse(expiryDate) / 1000) * 1000)
    assert.equal(rotated.modified?.by, 'owner@1.example')
    assert.equal(rotated.effectiveExpiresAt, rotated.expiresAt)
  })
}
