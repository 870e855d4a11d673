import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { ApiWorld } from '../support/api-world.ts'
import { OidcProvider } from '../support/oidc-provider.ts'

// Single sign-on as browsers do it, with a real provider (oidc-provider) as a process of its own.

const HOST = 'http://cr.test'
const CALLBACK = `${HOST}/api/v1/sso/callback`
const RULES = [
  { group: 'dev', role: 'member', manageRegistry: false },
  { group: 'lead', role: 'admin', manageRegistry: false },
]

let idp: OidcProvider
let world: ApiWorld
let contract: number
let admin: string
let providerId: string

before(async () => {
  idp = await OidcProvider.start(CALLBACK)
  world = await ApiWorld.open({ ENTREPOT_EGRESS_ALLOW: '127.0.0.1' })
  world.people.clock = Date.now() // the provider's own
  contract = await world.people.contract('acme')
  admin = await world.login(contract, 'root@acme.example', 'admin')
  providerId = (await create({ name: 'Acme' })).json.id
})
beforeEach(() => idp.tell({ person: { sub: 'ann', email: 'ann@acme.example', groups: ['dev'] }, codesAreOver: false }))
after(async () => {
  await world[Symbol.asyncDispose]()
  await idp[Symbol.asyncDispose]()
})

const create = (given: Record<string, unknown>) => {
  const client = { issuer: idp.issuer, clientId: 'entrepot', clientSecret: 's3cr3t' }
  const body = { ...client, scopes: ['email', 'groups'], roleMapping: RULES, ...given }
  return world.call('POST', '/api/v1/sso/providers', { as: admin, body })
}

/** One browser: cookies by host, and a look at each redirect. */
class Browser {
  readonly #jar = new Map<string, Map<string, string>>()

  async get(url: string): Promise<{ status: number; location: string; text: string; setCookie: readonly string[] }> {
    const { origin, pathname, search } = new URL(url, HOST)
    const cookie = this.cookies(origin)
    const headers = { ...(cookie && { cookie }), 'user-agent': 'Browser/1' }
    const answer =
      origin === HOST
        ? await world.call('GET', pathname + search, { headers })
        : await fetch(url, { headers, redirect: 'manual' }).then(async (response) => ({
            status: response.status,
            headers: { location: response.headers.get('location'), 'set-cookie': response.headers.getSetCookie() },
            text: await response.text(),
          }))
    const setCookie = [answer.headers['set-cookie'] ?? []].flat()
    for (const one of setCookie) this.#keep(origin, one)
    const location = answer.headers.location ? new URL(String(answer.headers.location), origin).href : ''
    return { status: answer.status, location, text: answer.text, setCookie }
  }

  cookies(origin: string): string {
    return [...(this.#jar.get(origin) ?? [])].map((pair) => pair.join('=')).join('; ')
  }

  /** From our login link through the provider to the callback, which is not opened yet. */
  async toCallback(id = providerId): Promise<string> {
    let { location } = await this.get(`${HOST}/api/v1/sso/${id}/login?return_to=/ui/registries`)
    for (let hops = 0; hops < 10 && !location.startsWith(HOST); hops++) location = (await this.get(location)).location
    return location
  }

  /** Where the sign-on ends. */
  async signOn(): Promise<string> {
    return (await this.get(await this.toCallback())).location
  }

  async me(headers: Record<string, string> = {}) {
    return await world.call('GET', '/api/v1/me', { headers: { cookie: this.cookies(HOST), ...headers } })
  }

  #keep(origin: string, setCookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? []
    const jar = this.#jar.get(origin) ?? new Map<string, string>()
    this.#jar.set(origin, jar)
    if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(setCookie)) jar.delete(name)
    else jar.set(name, value)
  }
}

const sentence = (location: string): string => {
  const { pathname, searchParams } = new URL(location)
  assert.equal(pathname, '/ui/login', location)
  return searchParams.get('error') ?? ''
}

test('a provider is found on the login page by the number of the contract, and by nothing else', async () => {
  const found = await world.call('GET', `/api/v1/sso/discover?contract=${contract}`)
  assert.deepEqual(found.json, { items: [{ id: providerId, name: 'Acme' }] })
  assert.deepEqual((await world.call('GET', '/api/v1/sso/discover?contract=999')).json, { items: [] })
  assert.equal((await world.call('GET', '/api/v1/sso/discover?contract=x')).status, 400)
})

test('somebody signs on: a person with the role of their group, a session of this contract, and no password', async () => {
  const browser = new Browser()
  const callback = await browser.toCallback()
  const { status, location, setCookie } = await browser.get(callback)
  assert.deepEqual([status, location], [302, `${HOST}/ui/registries`])
  assert.match(
    setCookie[0] ?? '',
    /^entrepot-sso-\d=; Path=\/api\/v1\/sso\/callback; HttpOnly; SameSite=Lax; Max-Age=0$/,
  )
  assert.match(setCookie[1] ?? '', /^entrepot-session=ents_\w+; Path=\/; HttpOnly; SameSite=Strict; Expires=/)
  const me = await browser.me()
  assert.equal(me.status, 200, me.text)
  assert.deepEqual([me.json.email, me.json.contract, me.json.role], ['ann@acme.example', contract, 'member'])
})

test('the cookie of a sign-on under way is Lax, unreadable to scripts, and only for the callback', async () => {
  const { setCookie } = await new Browser().get(`${HOST}/api/v1/sso/${providerId}/login`)
  assert.equal(setCookie.length, 1)
  assert.match(
    setCookie[0] ?? '',
    /^entrepot-sso-\d=[\w-]+; Path=\/api\/v1\/sso\/callback; HttpOnly; SameSite=Lax; Max-Age=600$/,
  )
})

test('the second login gives what the groups say then, in earlier sessions too', async () => {
  const first = new Browser()
  await first.signOn()
  const { userId } = (await first.me()).json
  await idp.tell({ person: { sub: 'ann', email: 'ann@acme.example', groups: ['lead', 'dev'] } })
  const second = new Browser()
  await second.signOn()
  assert.deepEqual([(await second.me()).json.role, (await second.me()).json.userId], ['admin', userId])
  await idp.tell({ person: { sub: 'ann', email: 'ann@acme.example', groups: ['dev'] } })
  await new Browser().signOn()
  assert.equal((await second.me()).json.role, 'member')
})

test('without a group nobody gets in, and what they had ends', async () => {
  const before = new Browser()
  await before.signOn()
  assert.equal((await before.me()).status, 200)
  await idp.tell({ person: { sub: 'ann', email: 'ann@acme.example', groups: [] } })
  assert.match(sentence(await new Browser().signOn()), /You are in no group/)
  assert.equal((await before.me()).status, 401)
})

test('another contract of this installation stays untouched', async () => {
  const other = await world.people.contract('other')
  const root = await world.login(other, 'root@other.example', 'owner')
  const browser = new Browser()
  await browser.signOn()
  assert.equal((await browser.me({ 'x-contract-number': `${other}` })).status, 403)
  assert.deepEqual((await world.call('GET', '/api/v1/sso/providers', { as: root })).json, { items: [] })
  await idp.tell({ person: { sub: 'eve', email: 'root@other.example', groups: ['lead'] } })
  const thief = new Browser()
  assert.match(sentence(await thief.signOn()), /belongs to another account/)
  assert.equal((await thief.me()).status, 401)
})

test('a callback is opened once, and in the browser that began', async () => {
  const [mine, other] = [new Browser(), new Browser()]
  const callback = await mine.toCallback()
  assert.match(sentence((await other.get(callback)).location), /did not begin in this browser/)
  assert.equal((await other.me()).status, 401)
  const cookie = mine.cookies(HOST)
  assert.equal((await mine.get(callback)).location, `${HOST}/ui/registries`)
  assert.match(sentence((await mine.get(callback)).location), /did not begin in this browser/)
  const again = await world.call('GET', callback.slice(HOST.length), { headers: { cookie } })
  assert.match(sentence(new URL(String(again.headers.location), HOST).href), /used already/)
})

test('a code that is over', async () => {
  await idp.tell({ codesAreOver: true })
  assert.match(sentence(await new Browser().signOn()), /took too long or was used already/)
})

test('a code of another sign-on is worth nothing: PKCE', async () => {
  const browser = new Browser()
  const [mine, stolen] = [new URL(await browser.toCallback()), new URL(await new Browser().toCallback())]
  mine.searchParams.set('code', stolen.searchParams.get('code') ?? '')
  assert.match(sentence((await browser.get(mine.href)).location), /took too long or was used already/)
})

const tampered = [
  { name: 'another state', change: { state: 'x'.repeat(43) }, says: /did not begin in this browser/ },
  { name: 'another issuer', change: { iss: 'https://evil.example' }, says: /could not be verified/ },
  { name: 'no issuer, where one is promised', change: { iss: null }, says: /could not be verified/ },
  { name: 'a code that never was', change: { code: 'x' }, says: /took too long or was used already/ },
  { name: 'no code', change: { code: null }, says: /could not be verified/ },
  { name: 'that the person said no', change: { error: 'access_denied' }, says: /did not let you in/ },
] as const
for (const { name, change, says } of tampered) {
  test(`the callback brings ${name}`, async () => {
    const browser = new Browser()
    const callback = new URL(await browser.toCallback())
    for (const [key, value] of Object.entries(change)) {
      if (value === null) callback.searchParams.delete(key)
      else callback.searchParams.set(key, value)
    }
    assert.match(sentence((await browser.get(callback.href)).location), says)
    assert.equal((await browser.me()).status, 401)
  })
}

const strange = [
  {
    name: 'a provider that does not exist',
    url: '/api/v1/sso/6ba7b810-9dad-41d1-80b4-00c04fd430c8/login',
    says: /does not exist/,
  },
  { name: 'a page of others to return to', url: '?return_to=//evil.example', says: /return_to must be/ },
  { name: 'a callback out of the blue', url: '/api/v1/sso/callback', says: /did not begin/ },
  { name: 'a callback with nonsense', url: '/api/v1/sso/callback?state=%00&code=%ff', says: /did not begin/ },
]
for (const { name, url, says } of strange) {
  test(`strangers come with ${name}`, async () => {
    const path = url.startsWith('?') ? `/api/v1/sso/${providerId}/login${url}` : url
    assert.match(sentence((await new Browser().get(HOST + path)).location), says)
  })
}

test('an administrator links a member who was there before; the audit log names the subject', async () => {
  const userId = await world.people.user(contract, 'old@acme.example', { password: 'correct horse' })
  await idp.tell({ person: { sub: 'old-1', email: 'old@acme.example', groups: ['dev'] } })
  assert.match(sentence(await new Browser().signOn()), /ask an administrator/i)
  await world.rooms.refusals.flush()
  const { json } = await world.call('GET', '/api/v1/audit?action=sso.refused&subject=email_taken', { as: admin })
  assert.equal(json.items[0]?.subject, 'email_taken Acme: subject old-1, old@acme.example')
  const url = `/api/v1/sso/providers/${providerId}/people`
  const link = await world.call('POST', url, { as: admin, body: { userId, subject: 'old-1' } })
  assert.equal(link.status, 201, link.text)
  const browser = new Browser()
  await browser.signOn()
  assert.equal((await browser.me()).json.userId, userId)
  const people = await world.call('GET', url, { as: admin })
  assert.ok(people.json.items.some((one: { subject: string }) => one.subject === 'old-1'))
  assert.equal((await world.call('DELETE', `${url}/${userId}`, { as: admin })).status, 204)
  assert.equal((await browser.me()).status, 401)
})

test('providers: created with a check, changed, listed, deleted', async () => {
  const wrong = await create({ name: 'Wrong', issuer: `${idp.issuer}/nowhere` })
  assert.deepEqual([wrong.status, /answers with status 404/.test(wrong.json.detail)], [400, true], wrong.text)
  const made = await create({ name: 'Second', enabled: false })
  assert.equal(made.status, 201)
  const url = `/api/v1/sso/providers/${made.json.id}`
  assert.equal(made.headers.location, url)
  assert.equal((await world.call('GET', url, { as: admin })).text.includes('s3cr3t'), false)
  const changed = await world.call('PATCH', url, { as: admin, body: { name: 'Third', roleMapping: [] } })
  assert.deepEqual([changed.json.name, changed.json.roleMapping], ['Third', []])
  const bad = { issuer: 'https://x.example' }
  assert.equal((await world.call('PATCH', url, { as: admin, body: bad })).status, 400)
  const list = await world.call('GET', '/api/v1/sso/providers', { as: admin })
  assert.deepEqual(
    list.json.items.map(({ name }: { name: string }) => name),
    ['Acme', 'Third'],
  )
  assert.equal((await world.call('DELETE', url, { as: admin })).status, 204)
  assert.equal((await world.call('GET', url, { as: admin })).status, 404)
})

test('a provider that is gone: a sentence, for who begins and for who comes back', async () => {
  const browser = new Browser()
  const callback = await browser.toCallback()
  await idp[Symbol.asyncDispose]()
  assert.match(sentence((await browser.get(callback)).location), /does not answer/)
  world.people.clock += 600_000
  assert.match(sentence(await new Browser().toCallback()), /does not answer/)
})
