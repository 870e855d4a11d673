import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { RegistryPatch } from '../../src/registries/change-registry.ts'
import type { TokenPatch } from '../../src/registries/change-token.ts'
import type { RegistryInput } from '../../src/registries/create-registry.ts'
import type { TokenInput } from '../../src/registries/create-token.ts'
import type { OpenMetadata } from './management.ts'
import { actor, openControlPlane } from './management.ts'

const ID = '11111111-2222-4333-8444-555555555555'
const OTHER_ID = '99999999-2222-4333-8444-555555555555'
const [one, two] = [actor(1), actor(2)]
const input = (more: Partial<RegistryInput> = {}): RegistryInput => ({
  name: 'acme',
  location: 'de/fra',
  gcSchedule: null,
  scanning: true,
  allowList: [],
  ...more,
})
const token = (more: Partial<TokenInput> = {}): TokenInput => ({
  name: 'ci',
  scopes: [],
  expiryDate: null,
  status: null,
  ...more,
})
const DAY = 86_400_000
const SCHEDULE = { days: ['Monday'], time: '01:00:00Z' } as const
const SCOPES = [{ actions: ['pull'], name: '*', type: 'repository' }]

async function open(t: TestContext, openMetadata: OpenMetadata) {
  const plane = await openControlPlane({ openMetadata })
  t.after(() => plane[Symbol.asyncDispose]())
  const { metadata } = plane
  return {
    ...plane,
    epoch: async () =>
      (await metadata.read((sql) => sql.get<{ epoch: number }>`SELECT epoch FROM auth_epoch`))?.epoch ?? 0,
    lastAudit: async () => {
      const row = await metadata.read(
        (sql) =>
          sql.get<{ action: string; subject: string; detail: string }>`
            SELECT action, subject, detail FROM audit_events ORDER BY id DESC LIMIT 1`,
      )
      return [row?.action, row?.subject, JSON.parse(row?.detail ?? 'null')]
    },
    audits: async () => (await metadata.read((sql) => sql.all`SELECT id FROM audit_events`)).length,
  }
}

interface RegistryCase {
  readonly name: string
  readonly was?: Partial<RegistryInput>
  readonly patch: RegistryPatch
  readonly want: Record<string, unknown>
}
const patches: RegistryCase[] = [
  { name: 'nothing', was: { gcSchedule: SCHEDULE }, patch: {}, want: { gcSchedule: SCHEDULE, modified: null } },
  { name: 'its own name and location', patch: { name: 'acme', location: 'de/fra' }, want: { modified: null } },
  { name: 'a schedule', patch: { gcSchedule: SCHEDULE }, want: { gcSchedule: SCHEDULE } },
  {
    name: 'no schedule any more',
    was: { gcSchedule: SCHEDULE },
    patch: { gcSchedule: null },
    want: { gcSchedule: null },
  },
  {
    name: 'a schedule as a whole',
    was: { gcSchedule: SCHEDULE },
    patch: { gcSchedule: { days: ['Friday', 'Sunday'], time: '02:00:00+00:00' } },
    want: { gcSchedule: { days: ['Friday', 'Sunday'], time: '02:00:00+00:00' } },
  },
  {
    name: 'a time without days, which stay',
    was: { gcSchedule: SCHEDULE },
    patch: { gcSchedule: { days: null, time: '02:00:00Z' } },
    want: { gcSchedule: { days: ['Monday'], time: '02:00:00Z' } },
  },
  {
    name: 'a time without days where none were',
    patch: { gcSchedule: { days: null, time: '02:00:00Z' } },
    want: { gcSchedule: { days: [], time: '02:00:00Z' } },
  },
  {
    name: 'no days at all',
    was: { gcSchedule: SCHEDULE },
    patch: { gcSchedule: { days: [], time: '02:00:00Z' } },
    want: { gcSchedule: { days: [], time: '02:00:00Z' } },
  },
  { name: 'an allow list', patch: { allowList: ['192.168.0.167/24'] }, want: { allowList: ['192.168.0.167/24'] } },
  {
    name: 'no allow list any more',
    was: { allowList: ['10.0.0.1'] },
    patch: { allowList: [] },
    want: { allowList: [] },
  },
  { name: 'scanning on', was: { scanning: false }, patch: { scanning: true }, want: { scanning: true } },
  { name: 'scanning on again', patch: { scanning: true }, want: { scanning: true } },
  {
    name: 'scanning off where it is off',
    was: { scanning: false },
    patch: { scanning: false },
    want: { scanning: false },
  },
  {
    name: 'one thing, leaving the rest',
    was: { gcSchedule: SCHEDULE, scanning: false, allowList: ['10.0.0.1'] },
    patch: { allowList: ['10.0.0.2'] },
    want: { gcSchedule: SCHEDULE, scanning: false, allowList: ['10.0.0.2'] },
  },
]

const refused: { name: string; patch: RegistryPatch; says: RegExp }[] = [
  { name: 'scanning off', patch: { scanning: false }, says: /"acme" cannot be switched off again/ },
  {
    name: 'another name',
    patch: { name: 'acme-2' },
    says: /the name of a registry cannot be changed: it is "acme", not "acme-2"/,
  },
  { name: 'another location', patch: { location: 'es/vit' }, says: /location of a registry cannot be changed/ },
  { name: 'a day that is none', patch: { gcSchedule: { days: ['Moonday'], time: '01:00:00Z' } }, says: /"Moonday"/ },
  { name: 'a time that is none', patch: { gcSchedule: { days: [], time: '1:00' } }, says: /"1:00"/ },
  { name: 'a network that is none', patch: { allowList: ['10.0.0.0/33'] }, says: /10\.0\.0\.0\/33/ },
]

const tokenPatches: { name: string; was?: Partial<TokenInput>; patch: TokenPatch; want: Record<string, unknown> }[] = [
  { name: 'nothing', was: { scopes: SCOPES }, patch: {}, want: { scopes: SCOPES, modified: null } },
  { name: 'its own name', patch: { name: 'ci' }, want: { modified: null } },
  { name: 'scopes', patch: { scopes: SCOPES }, want: { scopes: SCOPES } },
  { name: 'no scopes', was: { scopes: SCOPES }, patch: { scopes: [] }, want: { scopes: [] } },
  { name: 'a date', patch: { expiryDate: '2030-01-01T01:00:00.9+01:00' }, want: { expiresAt: Date.UTC(2030, 0, 1) } },
  {
    name: 'no date',
    was: { expiryDate: '2030-01-01T00:00:00Z' },
    patch: { expiryDate: null },
    want: { expiresAt: null },
  },
  { name: 'disabled', patch: { status: 'disabled' }, want: { status: 'disabled' } },
  { name: 'enabled', was: { status: 'disabled' }, patch: { status: 'enabled' }, want: { status: 'enabled' } },
  {
    name: 'one thing, leaving the rest',
    was: { status: 'disabled', scopes: SCOPES, expiryDate: '2030-01-01T00:00:00Z' },
    patch: { expiryDate: null },
    want: { status: 'disabled', scopes: SCOPES, expiresAt: null },
  },
]

/** What PUT and PATCH promise, on one database engine. */
export function registryChangesSuite(engine: string, openMetadata: OpenMetadata, skip: string | false = false): void {
  patchesOfRegistries(engine, openMetadata, { skip })
  putsOfRegistries(engine, openMetadata, { skip })
  patchesOfTokens(engine, openMetadata, { skip })
  putsOfTokens(engine, openMetadata, { skip })
  lifetimesOfTokens(engine, openMetadata, { skip })
}

interface Options {
  readonly skip: string | false
}

function patchesOfRegistries(engine: string, openMetadata: OpenMetadata, options: Options): void {
  for (const { name, was, patch, want } of patches) {
    test(`${engine}: patch: ${name}`, options, async (t) => {
      const { registries } = await open(t, openMetadata)
      const { id } = await registries.create(one, input(was))
      const patched = await registries.patch(one, id, patch)
      for (const [key, value] of Object.entries(want))
        assert.deepEqual(patched[key as keyof typeof patched], value, key)
      if (!('modified' in want)) assert.equal(patched.modified?.by, 'owner@1.example')
      assert.deepEqual(await registries.get(one, id), patched)
    })
  }

  for (const { name, patch, says } of refused) {
    test(`${engine}: patch and put refuse ${name}`, options, async (t) => {
      const { registries, audits } = await open(t, openMetadata)
      const made = await registries.create(one, input())
      const before = await audits()
      await assert.rejects(registries.patch(one, made.id, patch), { kind: 'input_invalid', message: says })
      const replacement = input(Object.fromEntries(Object.entries(patch)))
      await assert.rejects(registries.put(one, made.id, replacement), { kind: 'input_invalid', message: says })
      assert.deepEqual(await registries.get(one, made.id), made)
      assert.equal(await audits(), before)
    })
  }

  test(`${engine}: patch: audited with what changed; an allow list voids cached rights`, options, async (t) => {
    const { registries, epoch, lastAudit } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const before = await epoch()
    await registries.patch(one, id, { gcSchedule: SCHEDULE, scanning: true })
    assert.deepEqual(await lastAudit(), ['registry.update', 'acme', { id, gcSchedule: SCHEDULE }])
    assert.equal(await epoch(), before)
    await registries.patch(one, id, { allowList: ['10.0.0.1'] })
    assert.deepEqual(await lastAudit(), ['registry.update', 'acme', { id, allowList: ['10.0.0.1'] }])
    assert.equal(await epoch(), before + 1)
  })
}

function putsOfRegistries(engine: string, openMetadata: OpenMetadata, options: Options): void {
  test(`${engine}: put: an unknown id becomes one, with a data key`, options, async (t) => {
    const { registries, later, lastAudit } = await open(t, openMetadata)
    const made = await registries.put(one, ID, input({ allowList: ['10.0.0.1'] }))
    assert.deepEqual([made.id, made.state, made.allowList, made.modified], [ID, 'New', ['10.0.0.1'], null])
    assert.deepEqual(await lastAudit(), ['registry.create', 'acme', { id: ID, location: 'de/fra' }])
    await later[0]?.()
    assert.equal((await registries.get(one, ID)).state, 'Running')
  })

  test(`${engine}: put: a known id is replaced, what is left out reverts`, options, async (t) => {
    const { registries, epoch, lastAudit } = await open(t, openMetadata)
    const made = await registries.put(one, ID, input({ allowList: ['10.0.0.1'], gcSchedule: SCHEDULE }))
    const before = await epoch()
    const replaced = await registries.put(one, ID, input())
    assert.deepEqual([replaced.allowList, replaced.gcSchedule, replaced.scanning], [[], null, true])
    assert.deepEqual([replaced.internalId, replaced.created], [made.internalId, made.created])
    assert.equal(replaced.modified?.by, 'owner@1.example')
    assert.deepEqual(await lastAudit(), ['registry.replace', 'acme', { id: ID, gcSchedule: null, allowList: [] }])
    assert.equal(await epoch(), before + 1)
  })

  test(`${engine}: put: a deleted id is free again, and begins anew`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const first = await registries.put(one, ID, input({ scanning: false }))
    await registries.delete(one, ID)
    const second = await registries.put(one, ID, input({ name: 'other', location: 'es/vit' }))
    assert.deepEqual([second.id, second.name, second.modified], [ID, 'other', null])
    assert.notEqual(second.internalId, first.internalId)
  })

  test(`${engine}: put: another contract's id makes one of one's own and leaves theirs`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const theirs = await registries.put(two, ID, input({ name: 'theirs', allowList: ['10.0.0.1'] }))
    const mine = await registries.put(one, ID, input({ name: 'mine' }))
    assert.deepEqual([mine.id, mine.name, mine.modified], [ID, 'mine', null])
    assert.deepEqual(await registries.get(two, ID), theirs)
    await registries.patch(one, ID, { allowList: ['10.0.0.2'] })
    await registries.delete(one, ID)
    assert.deepEqual(await registries.get(two, ID), theirs)
    await assert.rejects(registries.patch(one, ID, {}), { kind: 'not_found', message: /does not exist/ })
  })

  test(`${engine}: put: a name that is taken is refused, and told as a name check`, options, async (t) => {
    const { registries, lastAudit } = await open(t, openMetadata)
    await registries.create(two, input())
    await assert.rejects(registries.put(one, ID, input()), { kind: 'conflict', message: /"acme" is already taken/ })
    assert.deepEqual(await lastAudit(), ['name.check', 'acme', { answer: 'taken' }])
    await assert.rejects(registries.get(one, ID), { kind: 'not_found' })
  })

  test(`${engine}: put: the same id several times at once is one registry`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const puts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) =>
      registries.put(one, ID, input({ allowList: [address] })),
    )
    const internalIds = (await Promise.all(puts)).map(({ internalId }) => internalId)
    assert.equal(new Set(internalIds).size, 1)
  })

  test(`${engine}: put and patch by a key limited to chosen registries`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const chosen = await registries.create(one, input({ name: 'chosen' }))
    const hidden = await registries.create(one, input({ name: 'hidden' }))
    const limited = actor(1, [chosen.internalId])
    assert.equal((await registries.put(limited, chosen.id, input({ name: 'chosen' }))).name, 'chosen')
    await assert.rejects(registries.patch(limited, hidden.id, { allowList: [] }), { kind: 'not_found' })
    for (const id of [hidden.id, ID])
      await assert.rejects(registries.put(limited, id, input({ name: 'hidden' })), {
        kind: 'denied',
        message: /limited to chosen/,
      })
  })
}

function patchesOfTokens(engine: string, openMetadata: OpenMetadata, options: Options): void {
  for (const { name, was, patch, want } of tokenPatches) {
    test(`${engine}: patchToken: ${name}`, options, async (t) => {
      const { registries, epoch } = await open(t, openMetadata)
      const { id } = await registries.create(one, input())
      const { token: made } = await registries.createToken(one, id, token(was))
      const before = await epoch()
      const patched = await registries.patchToken(one, id, made.id, patch)
      for (const [key, value] of Object.entries(want))
        assert.deepEqual(patched[key as keyof typeof patched], value, key)
      const changed = !('modified' in want)
      if (changed) assert.equal(patched.modified?.by, 'owner@1.example')
      assert.equal(await epoch(), before + (changed ? 1 : 0))
      assert.deepEqual(await registries.getToken(one, id, made.id), patched)
    })
  }

  test(`${engine}: patchToken refuses another name, and what no token may have`, options, async (t) => {
    const { registries, lastAudit } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const { token: made } = await registries.createToken(one, id, token())
    const bad: [TokenPatch, RegExp][] = [
      [{ name: 'cd' }, /the name of a token cannot be changed/],
      [{ expiryDate: '' }, /RFC 3339/],
      [{ status: 'paused' }, /enabled or disabled/],
      [{ scopes: [{ actions: [''], name: 'x', type: 'y' }] }, /scopes\[0\]\.actions has 0/],
    ]
    for (const [patch, says] of bad)
      await assert.rejects(registries.patchToken(one, id, made.id, patch), { kind: 'input_invalid', message: says })
    await assert.rejects(registries.patchToken(one, id, ID, {}), {
      kind: 'not_found',
      message: /token .* does not exist/,
    })
    await assert.rejects(registries.patchToken(two, id, made.id, { status: 'disabled' }), {
      kind: 'not_found',
      message: /registry .* does not exist/,
    })
    await registries.patchToken(one, id, made.id, { scopes: SCOPES })
    assert.deepEqual(await lastAudit(), ['token.update', 'acme/ci', { id: made.id, scopes: SCOPES }])
  })

  test(`${engine}: a token that is disabled loses its refresh tokens`, options, async (t) => {
    const { registries, metadata } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    await registries.createToken(one, id, token({ name: 'other' }))
    const { token: made } = await registries.putToken(one, id, ID, token())
    const internal = await metadata.read(
      (sql) => sql.get<{ id: number }>`SELECT id FROM registry_tokens WHERE public_id = ${ID}`,
    )
    await metadata.transact(
      (sql) => sql.run`
        INSERT INTO refresh_tokens (secret_hash, principal_kind, principal_id, contract_id, secret_version, service, created_at, expires_at)
        VALUES ('x', 'registry_token', ${internal?.id ?? 0}, 1, 1, 's', 0, 0)`,
    )
    await registries.patchToken(one, id, made.id, { status: 'disabled' })
    assert.deepEqual(await metadata.read((sql) => sql.all`SELECT id FROM refresh_tokens`), [])
  })
}

function lifetimesOfTokens(engine: string, openMetadata: OpenMetadata, options: Options): void {
  test(`${engine}: patchToken and putToken move no date beyond the contract's limit`, options, async (t) => {
    const { registries, metadata } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    await registries.putToken(one, id, ID, token())
    await metadata.transact((sql) => sql.run`UPDATE contracts SET max_token_lifetime_ms = ${90 * DAY} WHERE id = 1`)
    const far = {
      kind: 'input_invalid',
      message: /"2036-01-01T00:00:00Z" is too far .* 90 days .*or rotate the token first/,
    }
    await assert.rejects(registries.patchToken(one, id, ID, { expiryDate: '2036-01-01T00:00:00Z' }), far)
    await assert.rejects(registries.putToken(one, id, ID, token({ expiryDate: '2036-01-01T00:00:00Z' })), far)
    // Terraform repeats the date with every change: one that was there before the limit is no reason to refuse.
    assert.equal(
      (await registries.patchToken(one, id, ID, { expiryDate: null, status: 'disabled' })).status,
      'disabled',
    )
    const near = { expiryDate: '2026-02-01T00:00:00Z' }
    assert.equal((await registries.patchToken(one, id, ID, near)).expiresAt, Date.UTC(2026, 1, 1))
    await assert.rejects(registries.patchToken(one, id, ID, { expiryDate: null }), { message: /expiryDate is missing/ })
    await assert.rejects(registries.putToken(one, id, OTHER_ID, token({ name: 'cd' })), {
      message: /expiryDate is missing/,
    })
  })
}

function putsOfTokens(engine: string, openMetadata: OpenMetadata, options: Options): void {
  test(`${engine}: putToken: an unknown id becomes one with a password, a known one keeps its`, options, async (t) => {
    const { registries, metadata, lastAudit } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const made = await registries.putToken(
      one,
      id,
      ID,
      token({ scopes: SCOPES, status: '', expiryDate: '2030-01-01T00:00:00Z' }),
    )
    assert.deepEqual([made.token.id, made.token.status, typeof made.password], [ID, 'enabled', 'string'])
    const secrets = () =>
      metadata.read((sql) => sql.all`SELECT id, key_id, secret_hash, revoked_at FROM registry_token_secrets`)
    const before = await secrets()
    const replaced = await registries.putToken(one, id, ID, token({ status: 'disabled' }))
    assert.deepEqual(
      [replaced.password, replaced.token.status, replaced.token.scopes, replaced.token.expiresAt],
      [null, 'disabled', [], null],
    )
    assert.deepEqual(replaced.token.created, made.token.created)
    assert.deepEqual(await lastAudit(), [
      'token.replace',
      'acme/ci',
      { id: ID, scopes: [], expiresAt: null, status: 'disabled' },
    ])
    assert.equal((await registries.putToken(one, id, ID, token({ status: '' }))).token.status, 'enabled')
    assert.deepEqual(await secrets(), before)
    await assert.rejects(registries.putToken(one, id, ID, token({ name: 'cd' })), {
      kind: 'input_invalid',
      message: /cannot be changed/,
    })
  })

  test(`${engine}: putToken: a deleted id is free again, with a new password`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const first = await registries.putToken(one, id, ID, token())
    await registries.deleteToken(one, id, ID)
    const second = await registries.putToken(one, id, ID, token())
    assert.equal(typeof second.password, 'string')
    assert.notEqual(second.password, first.password)
  })

  test(
    `${engine}: putToken: a name of another token is a conflict; an id of another registry is not`,
    options,
    async (t) => {
      const { registries } = await open(t, openMetadata)
      const { id } = await registries.create(one, input())
      const theirs = await registries.create(two, input({ name: 'theirs' }))
      const foreign = (await registries.putToken(two, theirs.id, ID, token({ status: 'disabled' }))).token
      await registries.putToken(one, id, OTHER_ID, token())
      await assert.rejects(registries.putToken(one, id, ID, token()), {
        kind: 'conflict',
        message: /already has a token named "ci"/,
      })
      assert.equal((await registries.putToken(one, id, ID, token({ name: 'cd' }))).token.name, 'cd')
      assert.deepEqual(await registries.getToken(two, theirs.id, ID), foreign)
      await assert.rejects(registries.putToken(one, theirs.id, ID, token()), {
        kind: 'not_found',
        message: /registry .* does not exist/,
      })
    },
  )

  test(`${engine}: putToken: the same id several times at once is one token with one password`, options, async (t) => {
    const { registries } = await open(t, openMetadata)
    const { id } = await registries.create(one, input())
    const puts = await Promise.all([1, 2, 3].map(() => registries.putToken(one, id, ID, token())))
    assert.equal(puts.filter(({ password }) => password !== null).length, 1)
    assert.equal((await registries.listTokens(one, id, { limit: 10, offset: 0 })).total, 1)
  })
}
