import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Kind, Place, Refusal, Right, Route, Style } from './routes.ts'
import { challengeOf, hostOf, METHODS, namesOf, needOf, placesOf, ROUTES, withoutNames } from './routes.ts'
import type { Seen, Sent } from './wire.ts'
import { basic, header, sweep, textOf } from './wire.ts'
import type { Login, World } from './world.ts'
import {
  ABSENT,
  ADDRESS,
  ALLOWED,
  CLOSED,
  DELETED,
  DOMAIN,
  FOREIGN,
  HERE,
  OWN,
  openWorld,
  PATH_HOST,
  SIBLING,
} from './world.ts'

// Who gets what answer on every route with every method, in both styles: for strangers one and the same, and for those who
// are known but have no right there one that is the same whether there is something or not.

interface State {
  readonly authorization: string | undefined
  readonly from?: string
  /** Default: both. */
  readonly styles?: readonly Style[]
  /** Where it is shown; default: at an image, at a foreign one and where nothing is. */
  readonly at?: (place: Place) => boolean
  /** For something else there: told in tests of their own. */
  readonly but?: Kind
}

interface Known extends State {
  readonly may: (place: Place, right: Right) => boolean
  /** May list in path style, where the path names no registry. */
  readonly lists?: boolean
  /** Its own registry does not let this address in: nothing at all is done for it. */
  readonly isOutside?: boolean
  /** Here its own refusal reads otherwise: it is told about the allow list of a registry that it may know. */
  readonly knows?: (place: Place) => boolean
}

let world: Awaited<ReturnType<typeof openWorld>>
let places: Place[]
const strangers: Record<string, State> = {}
const known: Record<string, Known> = {}

before(async () => {
  world = await openWorld()
  places = placesOf(world.contents)
  await makeStrangers(world)
  await makeKnown(world)
})
after(() => world[Symbol.asyncDispose]())

const inOwn = (place: Place): boolean => place.registry === OWN
const atDeleted = ({ registry }: Place): boolean => registry === DELETED || registry === ABSENT || registry === SIBLING
const nowhere = (): boolean => false

async function makeStrangers(at: World): Promise<void> {
  const full = await at.token(OWN, { name: 'full' })
  const expired = await at.token(OWN, { name: 'expired', expiryDate: '2026-01-01T00:00:00Z' })
  const disabled = await at.token(OWN, { name: 'disabled', status: 'disabled' })
  const [dropped, stopped, gone] = [
    await at.token(OWN, { name: 'dropped' }),
    await at.token(OWN, { name: 'stopped' }),
    await at.token(DELETED, { name: 'gone' }),
  ]
  const scopes = { path: [`repository:${OWN}/${HERE}:*`], host: [`repository:${HERE}:*`] }
  const host = `${OWN}.${DOMAIN}`
  const [byPath, byHost] = [await at.jwt(full, PATH_HOST, scopes.path), await at.jwt(full, host, scopes.host)]
  const foreign = await at.token(FOREIGN, { name: 'full' })
  const foreignHost = await at.jwt(foreign, `${FOREIGN}.${DOMAIN}`, scopes.host)
  const ofGone = await at.jwt(gone, PATH_HOST, [`repository:${DELETED}/${HERE}:*`])
  const [ofDropped, ofStopped] = [
    await at.jwt(dropped, PATH_HOST, scopes.path),
    await at.jwt(stopped, PATH_HOST, scopes.path),
  ]
  const { id } = at.registries[OWN] ?? assert.fail()
  const tokens = `/registries/${id}/tokens`
  assert.equal((await at.api(at.first.owner, 'DELETE', `${tokens}/${dropped.id}`)).status, 204)
  const actor = { contractId: 1, email: 'x', userId: 'x', label: 'x', address: null, registryIds: null }
  await at.rooms.registries.setTokenStatus(actor, id, stopped.id, 'disabled')
  await at.deleteRegistry(DELETED)
  const show = ({ username, password }: Login): State => ({ authorization: basic(username, password) })
  const bearer = (token: string, ...styles: Style[]): State => {
    return { authorization: `Bearer ${token}`, ...(styles.length > 0 ? { styles } : {}) }
  }
  Object.assign(strangers, {
    'no credentials': { authorization: undefined, at: () => true },
    'an empty header': { authorization: '' },
    'Basic and nothing': { authorization: 'Basic' },
    'Basic without a colon': { authorization: `Basic ${Buffer.from('full').toString('base64')}` },
    'another scheme': { authorization: 'Digest username="full"' },
    'Bearer and nothing': { authorization: 'Bearer' },
    'a wrong password': show({ ...full, password: 'wrong' }),
    'the right password under another name': show({ ...full, username: 'pusher' }),
    'the right password mistyped': show({ ...full, password: full.password.replace(/.$/, '!') }),
    'an expired token': show(expired),
    'a disabled token': show(disabled),
    'a token disabled after its use': show(stopped),
    'a deleted token': show(dropped),
    'a deleted registry’s token': { ...show(gone), at: atDeleted },
    'a token’s password as Bearer': bearer(full.password),
    'a refresh token as password': show({ ...full, password: await at.refreshToken(full, PATH_HOST) }),
    'a refresh token as Bearer': bearer(await at.refreshToken(full, PATH_HOST)),
    'an API key as Bearer': bearer(await at.apiKey(1, at.first.owner)),
    'a session as Bearer': bearer(await at.session(1, at.first.owner)),
    'a JWT of a deleted token': bearer(ofDropped, 'path'),
    'a JWT of a disabled token': bearer(ofStopped, 'path'),
    'a JWT of a deleted registry’s token': { ...bearer(ofGone, 'path'), at: atDeleted },
    'a JWT of path style replayed on host style': bearer(byPath, 'host'),
    'a JWT of host style replayed on path style': bearer(byHost, 'path'),
    'a JWT of one host replayed on others': {
      ...bearer(foreignHost, 'host'),
      at: (p: Place) => p.registry !== FOREIGN,
    },
    'a JWT that has expired': {
      ...bearer(await at.jwtAt(-301_000, full, 'entrepot', scopes.path), 'path'),
      but: 'upload',
    },
    'a JWT from the future': bearer(await at.jwtAt(600_000, full, 'entrepot', scopes.path), 'path'),
    'a JWT with another signature': bearer(byPath.replace(/[^.]+$/, byHost.split('.')[2] ?? ''), 'path'),
    'a JWT with another payload': bearer(
      forged(byPath, (payload) => payload.replace('"pull"', '"list"')),
      'path',
    ),
    'a JWT without a signature': bearer(unsigned(byPath), 'path'),
  } satisfies Record<string, State>)
}

function forged(jwt: string, change: (payload: string) => string): string {
  const [head = '', payload = '', signature = ''] = jwt.split('.')
  const changed = change(Buffer.from(payload, 'base64url').toString())
  return [head, Buffer.from(changed).toString('base64url'), signature].join('.')
}

function unsigned(jwt: string): string {
  const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  return `${head}.${jwt.split('.')[1]}.`
}

async function makeKnown(at: World): Promise<void> {
  const pullHere = [{ type: 'repository', name: HERE, actions: ['pull'] }]
  const [full, narrow, bare] = [
    await at.token(OWN, { name: 'complete' }),
    await at.token(OWN, { name: 'narrow', scopes: pullHere }),
    await at.token(OWN, { name: 'bare', scopes: [] }),
  ]
  const elsewhere = await at.token(OWN, {
    name: 'elsewhere',
    scopes: [{ type: 'repository', name: 'other/*', actions: ['*'] }],
  })
  const narrowed = await at.token(OWN, { name: 'narrowed' })
  const sibling = await at.token(SIBLING, { name: 'complete' })
  const foreign = await at.token(FOREIGN, { name: 'complete' })
  const shut = await at.token(CLOSED, { name: 'shut' })
  const member = await at.user(1, 'member')
  const key = await at.apiKey(at.second.id, at.second.owner)
  const path = (registry: string, actions: string): string => `repository:${registry}/${HERE}:${actions}`
  const host = `${OWN}.${DOMAIN}`
  const ofNarrowed = await at.jwt(narrowed, PATH_HOST, [path(OWN, '*')])
  const ofShut = await at.jwt(shut, PATH_HOST, [path(CLOSED, '*')], ALLOWED)
  const scopes = JSON.stringify(pullHere)
  await at.changeRights((sql) => sql.run`UPDATE registry_tokens SET scopes = ${scopes} WHERE name = 'narrowed'`)
  const show = ({ username, password }: Login) => ({ authorization: basic(username, password), at: () => true })
  const bearer = (token: string, ...styles: Style[]) => ({ authorization: `Bearer ${token}`, styles, at: () => true })
  const only = (registry: string) => (place: Place) => place.registry === registry
  const pullsHere = (place: Place, right: Right) => inOwn(place) && place.repository === HERE && right === 'pull'
  const inContract1 = ({ registry }: Place) => registry === OWN || registry === SIBLING
  const knows = only(CLOSED)
  Object.assign(known, {
    'a token': { ...show(full), may: inOwn, lists: true },
    'another registry’s token': { ...show(sibling), may: only(SIBLING), lists: true },
    'another contract’s token': { ...show(foreign), may: only(FOREIGN), lists: true },
    'too narrow a scope': { ...show(narrow), may: pullsHere },
    'a scope on other names': { ...show(elsewhere), may: nowhere },
    'a token without scopes': { ...show(bare), may: nowhere },
    'a token outside its allow list': { ...show(shut), may: nowhere, isOutside: true, knows },
    'an owner outside the allow list': { ...show(at.first.owner), may: inContract1, lists: true, knows },
    'another contract’s owner': { ...show(at.second.owner), may: only(FOREIGN), lists: true },
    'another contract’s API key': {
      ...show({ username: at.second.owner.username, password: key }),
      may: only(FOREIGN),
      lists: true,
    },
    'a member': {
      ...show(member),
      may: (place: Place, right: Right) => inContract1(place) && (right === 'pull' || right === 'list'),
      lists: true,
      knows,
    },
    'a JWT for nothing': { ...bearer(await at.jwt(full, PATH_HOST, []), 'path'), may: nowhere },
    'a JWT asked for foreign and absent names': {
      ...bearer(await at.jwt(full, PATH_HOST, [path(FOREIGN, '*'), path('none-one', '*'), path(SIBLING, '*')]), 'path'),
      may: nowhere,
    },
    'a JWT for pulls': { ...bearer(await at.jwt(full, PATH_HOST, [path(OWN, 'pull')]), 'path'), may: pullsHere },
    'a JWT of a token narrowed since': { ...bearer(ofNarrowed, 'path'), may: pullsHere },
    'a JWT for pulls by its host': {
      ...bearer(await at.jwt(full, host, [`repository:${HERE}:pull`]), 'host'),
      at: inOwn,
      may: pullsHere,
    },
    'a JWT outside the allow list': { ...bearer(ofShut, 'path'), may: nowhere, isOutside: true, knows },
    'a JWT of another contract’s owner': {
      ...bearer(
        await at.jwt(at.second.owner, PATH_HOST, [path(FOREIGN, 'pull'), path(OWN, '*'), 'registry:catalog:*']),
        'path',
      ),
      may: (place: Place, right: Right) =>
        place.registry === FOREIGN && (right === 'list' || (right === 'pull' && place.repository === HERE)),
      lists: true,
    },
  } satisfies Record<string, Known>)
}

/** One cell of the table. */
interface Cell {
  readonly style: Style
  readonly route: Route
  readonly method: string
  readonly place: Place
}

interface Answered extends Cell {
  readonly seen: Seen
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD'

function cellsOf({ styles = ['path', 'host'], at, but }: State): Cell[] {
  const shownAt = at === undefined ? [0, 2, 4].flatMap((index) => places[index] ?? []) : places.filter(at)
  return styles.flatMap((style) =>
    ROUTES.filter(({ only, kind }) => (only ?? style) === style && kind !== but).flatMap((route) =>
      METHODS.flatMap((method) => shownAt.map((place) => ({ style, route, method, place }))),
    ),
  )
}

async function ask({ authorization, from = ADDRESS }: State, cells: readonly Cell[]): Promise<Answered[]> {
  const headers = { 'X-Forwarded-For': from, ...(authorization === undefined ? {} : { Authorization: authorization }) }
  const requests = cells.map(({ style, route, method, place }): Sent => {
    const target = route.target(namesOf(style, place))
    const sent = { method, path: target, host: hostOf(style, place), headers }
    return ['POST', 'PUT', 'PATCH'].includes(method) ? { ...sent, body: '{}' } : sent
  })
  const answers = await sweep(world.connections, requests)
  return cells.map((cell, index) => ({ ...cell, seen: answers[index] ?? assert.fail() }))
}

const titleOf = ({ style, route, method, place }: Cell): string =>
  `${method} ${route.label}, ${style} style, ${place.label} (${place.registry}/${place.repository})`

function codeOf({ body }: Seen): string {
  const { errors } = JSON.parse(body) as { errors: { code: string }[] }
  assert.equal(errors.length, 1)
  return errors[0]?.code ?? ''
}

function assertRefused({ seen, ...cell }: Answered, status: number, code: string): void {
  const isRefused = seen.status === status && (cell.method === 'HEAD' ? seen.body === '' : codeOf(seen) === code)
  if (!isRefused) assert.fail(`${titleOf(cell)}: expected ${status} ${code}, got ${textOf(seen)}`)
}

function assertChallenge({ seen, ...cell }: Answered, expected: string | undefined): void {
  if (header(seen, 'www-authenticate') !== expected) assert.equal(textOf(seen), expected, titleOf(cell))
}

function assertAlike(answers: readonly Answered[], textFor: (answered: Answered) => string): void {
  const [first] = answers
  const text = first && textFor(first)
  for (const other of answers) {
    const otherText = textFor(other)
    if (otherText !== text) assert.equal(otherText, text, `${first && titleOf(first)} against ${titleOf(other)}`)
  }
}

const withoutChallenge = (seen: Seen): Seen => ({
  ...seen,
  head: seen.head.filter(([name]) => name.toLowerCase() !== 'www-authenticate'),
})

/** One and the same 401, whatever is asked; only its challenge tells what was asked. */
async function assertOneAnswer(state: State, error: string | null): Promise<string> {
  const answers = await ask(state, cellsOf(state))
  assert.ok(answers.length > 500)
  for (const answered of answers) {
    const { style, place, route, method } = answered
    assertRefused(answered, 401, 'UNAUTHORIZED')
    assertChallenge(answered, challengeOf(style, place, route, method, error))
  }
  for (const part of [
    answers.filter(({ method }) => method === 'HEAD'),
    answers.filter(({ method }) => method !== 'HEAD'),
  ]) {
    assertAlike(part, ({ seen }) => textOf(withoutChallenge(seen)))
  }
  return textOf(withoutChallenge(answers[0]?.seen ?? assert.fail()))
}

const STRANGERS = [
  'no credentials',
  'an empty header',
  'Basic and nothing',
  'Basic without a colon',
  'another scheme',
  'Bearer and nothing',
  'a wrong password',
  'the right password under another name',
  'the right password mistyped',
  'an expired token',
  'a disabled token',
  'a token disabled after its use',
  'a deleted token',
  'a deleted registry’s token',
  'a token’s password as Bearer',
  'a refresh token as password',
  'a refresh token as Bearer',
  'an API key as Bearer',
  'a session as Bearer',
  'a JWT of a deleted token',
  'a JWT of a disabled token',
  'a JWT of a deleted registry’s token',
  'a JWT of path style replayed on host style',
  'a JWT of host style replayed on path style',
  'a JWT of one host replayed on others',
  'a JWT that has expired',
  'a JWT from the future',
  'a JWT with another signature',
  'a JWT with another payload',
  'a JWT without a signature',
]

const texts = new Map<string, string[]>()
for (const name of STRANGERS) {
  test(`${name}: every route and method answers alike, whatever exists`, async () => {
    const state = strangers[name] ?? assert.fail(name)
    const text = await assertOneAnswer(state, isBearer(state) ? 'invalid_token' : null)
    const group = !state.authorization ? 'none' : isBearer(state) ? 'bearer' : 'basic'
    texts.set(group, [...(texts.get(group) ?? []), text])
  })
}

test('wrong, expired, disabled, deleted and unreadable credentials are told one thing', () => {
  assert.deepEqual([...texts.keys()].sort(), ['basic', 'bearer', 'none'])
  for (const [group, all] of texts) assert.equal(new Set(all).size, 1, `${group}: ${[...new Set(all)].join('\n\n')}`)
})

test('a person’s wrong password, and nobody’s: the same 401', async () => {
  const routes = ['the root', 'the catalog', 'a manifest by tag', 'uploads', 'a repository alone']
  const { username } = world.first.owner
  const seen: string[] = []
  for (const [login, network] of [
    [username, 1],
    ['nobody@example.com', 2],
    ['owner', 3],
  ] as const) {
    const authorization = basic(login, 'wrong password')
    for (const [index, label] of routes.entries()) {
      const route = ROUTES.find((one) => one.label === label) ?? assert.fail(label)
      const cells = places.slice(0, 2).map((place): Cell => ({ style: 'path', route, method: 'GET', place }))
      // Ten wrong passwords from one network and the brake speaks instead.
      const answers = await ask({ authorization, from: `192.0.${network}${index}.1` }, cells)
      for (const answered of answers) {
        assertRefused(answered, 401, 'UNAUTHORIZED')
        seen.push(textOf(withoutChallenge(answered.seen)))
      }
    }
  }
  assert.deepEqual([...new Set(seen)], [texts.get('basic')?.[0]])
})

test('the brake slows guesses at a person and at nobody alike', async () => {
  const route = ROUTES.find(({ label }) => label === 'a manifest by tag') ?? assert.fail()
  const place = places[0] ?? assert.fail()
  const guess = async (login: string, from: string): Promise<string[]> => {
    const texts: string[] = []
    for (let count = 0; count < 30 && !texts.at(-1)?.startsWith('429'); count += 1) {
      const state = { authorization: basic(login, `wrong ${count}`), from }
      const [answered] = await ask(state, [{ style: 'path', route, method: 'GET', place }])
      texts.push(textOf(answered?.seen ?? assert.fail()).replaceAll(/(in|retry-after:) \d+/gi, '$1 <seconds>'))
    }
    return texts
  }
  const person = await guess(world.first.owner.username, '192.0.100.1')
  const nobody = await guess('nobody@example.com', '192.0.101.1')
  assert.deepEqual([...new Set(person)], [...new Set(nobody)])
  for (const texts of [person, nobody]) assert.match(texts.at(-1) ?? '', /^429/)
})

test('an expired JWT opens its own upload and tells of no other', async () => {
  const pusher = await world.token(OWN, { name: 'uploader' })
  const { upload } = await world.push(pusher, OWN, HERE)
  const scopes = [`repository:${OWN}/${HERE}:*`, `repository:${FOREIGN}/${HERE}:*`]
  const authorization = `Bearer ${await world.jwtAt(-301_000, pusher, 'entrepot', scopes)}`
  const route = ROUTES.find(({ label }) => label === 'an upload') ?? assert.fail()
  const cellAt = (place: Place): Cell => ({ style: 'path', route, method: 'GET', place })
  const [image, , foreign, , absent] = places
  assert.ok(image && foreign && absent)
  const open = { ...image, upload }
  const others = [image, { ...image, upload: 'x'.repeat(image.upload.length) }]
  const strange = [foreign, { ...foreign, upload }, absent]
  const answers = await ask({ authorization }, [open, ...others, ...strange].map(cellAt))
  const withPlace = ({ seen, place }: Answered): string => withoutNames(textOf(seen), place)
  assert.deepEqual(
    answers.map(({ seen }) => seen.status),
    [204, 404, 404, 401, 401, 401],
  )
  assertAlike(answers.slice(1, 3), withPlace)
  assertAlike(answers.slice(3), withPlace)
})

/** What `state` must be told in a cell; null: it may, so what it is told is not this test's business. */
function expectedOf(state: Known, cell: Cell): Refusal | null {
  const { kind, refusal } = cell.route
  const need = needOf(kind, cell.method)
  const isServed = need !== undefined && need !== null && refusal === undefined
  if (state.isOutside && (!isServed || (kind === 'catalogs' && !isBearer(state)))) return [403, 'DENIED']
  if (kind === 'unknown') return refusal ?? assert.fail()
  if (need === undefined) return [405, 'UNSUPPORTED']
  if (refusal !== undefined) return refusal
  return need === null || isGranted(state, cell, need) ? null : lackingOf(state, cell)
}

function isGranted(state: Known, { route: { kind, below = '' }, place, style }: Cell, need: Right): boolean {
  if (kind === 'catalogs' && style === 'path') return state.lists === true
  return state.may({ ...place, repository: place.repository + below }, need)
}

function lackingOf(state: Known, { route: { kind }, place, style }: Cell): Refusal {
  const isTold = state.knows?.(place) === true && !(kind === 'catalogs' && style === 'path')
  return isBearer(state) && !isTold ? [401, 'UNAUTHORIZED'] : [403, 'DENIED']
}

const isBearer = ({ authorization }: State): boolean => authorization?.startsWith('Bearer ') === true

const KNOWN = [
  'a token',
  'another registry’s token',
  'another contract’s token',
  'too narrow a scope',
  'a scope on other names',
  'a token without scopes',
  'a token outside its allow list',
  'an owner outside the allow list',
  'another contract’s owner',
  'another contract’s API key',
  'a member',
  'a JWT for nothing',
  'a JWT asked for foreign and absent names',
  'a JWT for pulls',
  'a JWT of a token narrowed since',
  'a JWT for pulls by its host',
  'a JWT outside the allow list',
  'a JWT of another contract’s owner',
]

for (const name of KNOWN) {
  test(`${name}: what is not theirs answers like what does not exist, on every route and method`, async () => {
    const state = known[name] ?? assert.fail(name)
    const refused = cellsOf(state).filter((cell) => expectedOf(state, cell) !== null)
    const answers = await ask(state, refused)
    const groups = new Map<string, Answered[]>()
    for (const answered of answers) {
      const [status, code] = expectedOf(state, answered) ?? assert.fail()
      assertRefused(answered, status, code)
      const { style, place, route, method } = answered
      const isLacking = status === 401
      assertChallenge(answered, isLacking ? challengeOf(style, place, route, method, 'insufficient_scope') : undefined)
      const group = `${style} ${route.label} ${method} ${state.knows?.(place) === true}`
      groups.set(group, [...(groups.get(group) ?? []), answered])
    }
    for (const group of groups.values()) assertAlike(group, ({ seen, place }) => withoutNames(textOf(seen), place))
    assert.ok([...groups.values()].some((group) => group.length > 1))
  })

  test(`${name}: what is theirs can be read, and in another’s place nothing is`, async () => {
    const state = known[name] ?? assert.fail(name)
    const reads = cellsOf(state).filter((cell) => isRead(cell.method) && expectedOf(state, cell) === null)
    const labels = ['the root', 'the catalog', 'the catalog of one registry', 'a manifest by tag', 'tags', 'referrers']
    const there = reads.filter(({ route, place }) => labels.includes(route.label) && place.tag === 'tagyes')
    for (const answered of await ask(state, there)) {
      const { seen } = answered
      assert.ok(seen.status === 200, `${titleOf(answered)}: ${textOf(seen)}`)
      if (answered.route.kind === 'catalogs' && answered.style === 'path' && answered.method === 'GET')
        assertOnlyTheirs(state, seen)
    }
    for (const answered of await ask(state, reads)) {
      assert.ok(![401, 403, 405].includes(answered.seen.status), `${titleOf(answered)}: ${textOf(answered.seen)}`)
    }
  })
}

function assertOnlyTheirs(state: Known, { body }: Seen): void {
  const { repositories } = JSON.parse(body) as { repositories: string[] }
  const strange = repositories.filter(
    (name) => !places.some((place) => state.may(place, 'list') && name.startsWith(`${place.registry}/`)),
  )
  assert.deepEqual(strange, [])
}

/** This server trusts the proxy at 127.0.0.1: what that one saw counts, not what it was told. */
const ADDRESSES: readonly [headers: Readonly<Record<string, string>>, status: number][] = [
  [{ 'X-Forwarded-For': ALLOWED }, 200],
  [{ 'X-Forwarded-For': `::ffff:${ALLOWED}` }, 200],
  [{ 'X-Forwarded-For': `${ALLOWED}:4711` }, 200],
  [{ 'X-Forwarded-For': `${ADDRESS}, ${ALLOWED}` }, 200],
  [{ 'X-Forwarded-For': `${ADDRESS}, ${ALLOWED}, 127.0.0.1` }, 200],
  [{ 'X-Forwarded-For': `${ALLOWED}, ${ADDRESS}` }, 403],
  [{ 'X-Forwarded-For': ALLOWED, 'x-forwarded-for': ADDRESS }, 403],
  [{ 'X-Forwarded-For': `${ALLOWED}, unknown` }, 403],
  [{ 'X-Forwarded-For': '[2001:db8::1]:80' }, 403],
  [{ 'X-Forwarded-For': '127.0.0.1' }, 403],
  [{ 'X-Forwarded-For': ADDRESS, Forwarded: `for=${ALLOWED}` }, 403],
  [{ Forwarded: `for=${ALLOWED}` }, 403],
  [{ 'X-Real-IP': ALLOWED }, 403],
  [{}, 403],
]

test('an allow list sees the address that the trusted proxy saw', async () => {
  const { username, password } = await world.token(CLOSED, { name: 'seen' })
  const jwt = await world.jwt({ username, password }, PATH_HOST, [`repository:${CLOSED}/${HERE}:pull`], ALLOWED)
  for (const authorization of [basic(username, password), `Bearer ${jwt}`]) {
    const requests = ADDRESSES.map(([headers]): Sent => {
      const path = `/v2/${CLOSED}/${HERE}/manifests/tagyes`
      return { method: 'GET', path, host: PATH_HOST, headers: { ...headers, Authorization: authorization } }
    })
    const answers = await sweep(world.connections, requests)
    assert.deepEqual(
      answers.map(({ status }, index) => [ADDRESSES[index]?.[0], status]),
      ADDRESSES,
    )
  }
})
