import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DomainError } from '../../src/domain/error.ts'
import { parseSecret } from '../../src/domain/secret.ts'
import type { TypedLine } from '../support/cli.ts'
import { type } from '../support/cli.ts'
import { CliWorld, PASSWORD } from '../support/cli-world.ts'

// Registries, tokens, the audit log and logging in, against a server that listens.

let world: CliWorld
let url: string
let home: string
let keys: { owner: string; reader: string }

before(async () => {
  world = await CliWorld.open()
  url = world.url
  home = world.home
  keys = { owner: await world.apiKey(), reader: await world.apiKey({ readOnly: true }) }
})
after(() => world[Symbol.asyncDispose]())

const there = () => ({ ENTREPOT_URL: url, ENTREPOT_API_KEY: keys.owner })
const on = (line: string, more: TypedLine = {}) => world.type(line, { env: there(), ...more })

test('a new user: a registry, a login with one scope, its rotation', async () => {
  const made = await on('registry create acme')
  assert.deepEqual([made.code, made.err], [0, ''])
  const host = url.replace('http://', '')
  assert.equal(made.out.split('\n')[0], `Registry acme is made: its images are named ${host}/acme/<repository>:<tag>`)
  const token = await on('token create acme ci --scope repository:team/*:pull,push')
  assert.match(token.out, /Token ci of registry acme is made: pull, push in repositories named team\/\*/)
  const [, password = ''] = /password: {2}(\S+) {3}\(shown only now\)/.exec(token.out) ?? []
  const old = parseSecret(password)?.keyId ?? ''
  const rotated = await on('token rotate acme ci --json')
  assert.notEqual(rotated.json.secret, old)
  assert.match((await on('token rotate acme ci')).err, /^entrepot: token "ci" has 2 live secrets already/)
  assert.match((await on('token list acme')).out, /ci +enabled +never +never +2 +repository:team\/\*:pull,push/)
  assert.match((await on('token secrets acme ci')).out, new RegExp(`\\n${old} +20\\S+Z +never +never\\n`))
  assert.match((await on(`token revoke acme ci ${old} --yes`)).out, /is revoked/)
  assert.equal((await on('token secrets acme ci --json')).json.length, 1)
  assert.match((await on('token disable acme ci')).out, /is disabled/)
  assert.equal((await on('token list acme --json')).json[0].status, 'disabled')
  assert.equal((await on('token delete acme ci --yes')).code, 0)
  assert.match((await on('token delete acme ci --yes')).err, /token "ci" of registry "acme" does not exist/)
  const [listed] = (await on('registry list --json')).json
  assert.deepEqual([listed.name, listed.state, listed.hostname], ['acme', 'Running', `${host}/acme`])
  assert.match((await on('registry delete acme --yes')).out, /^Registry acme is deleted/)
  assert.match((await on('registry list')).err, /No registries yet/)
})

const refusals = [
  { name: 'a name that is not valid', line: 'registry create Acme', code: 1, says: /"Acme" is not valid: 3 to 63/ },
  { name: 'a registry that is not there', line: 'token list beta', code: 1, says: /registry "beta" does not exist/ },
  { name: 'an expiry that is none', line: 'token create here ci --expires soon', code: 1, says: /"soon" is not valid/ },
  {
    name: 'a contract of others',
    line: 'registry list --contract 99',
    code: 1,
    says: /contract 99 is not one of yours/,
  },
  { name: 'a URL that is none', line: 'registry list --url example', code: 2, says: /"example" is no URL of a server/ },
  { name: 'a URL with a question', line: 'registry list --url http://x/?a', code: 2, says: /no URL of a server/ },
  { name: 'here and there', line: 'registry list --url http://x --data /d', code: 2, says: /give one of them/ },
]
for (const { name, line, code, says } of refusals) {
  test(`refused in one sentence: ${name}`, async () => {
    await on('registry create here')
    const refused = await on(line)
    assert.deepEqual([refused.code, refused.out], [code, ''], refused.err)
    assert.match(refused.err, says)
  })
}

test('registries and tokens are changed, and shown', async () => {
  await on('registry create changed --no-scanning')
  const set = 'registry set changed --allow 127.0.0.0/8 --allow ::1 --gc-days Saturday,Sunday --scanning'
  assert.match(
    (await on(set)).out,
    /reachable +from 127\.0\.0\.0\/8, ::1\ncollected +Saturday, Sunday at 01:00:00Z UTC\nscanned +yes/,
  )
  assert.match((await on('registry set changed --allow-all --no-gc')).out, /from everywhere\ncollected +when asked/)
  assert.deepEqual((await on('registry show changed --json')).json.allowList, [])
  assert.match((await on('registry set changed --allow nowhere')).err, /^entrepot: .*"nowhere"/)
  for (const line of ['', ' --allow ::1 --allow-all', ' --gc-time 01:00:00', ' --no-gc --gc-days Monday']) {
    assert.equal((await on(`registry set changed${line}`)).code, 2, line)
  }
  await on('token create changed ci')
  const changed = await on('token set changed ci --scope repository:a/*:pull --expires 30d')
  assert.match(changed.out, /^Token ci of registry changed: repository:a\/\*:pull; ends 2026-01-31T00:00:00Z$/)
  assert.equal((await on('token set changed ci --expires never --json')).json.effectiveExpiresAt, null)
  assert.equal((await on('token set changed ci')).code, 2)
  assert.match((await on('repository list changed')).err, /There is nothing in changed/)
  assert.match((await on('artifact list changed')).err, /There is nothing in changed/)
  assert.equal((await on('repository delete changed none --yes')).code, 1)
})

test('audit: who did it, in a table, as JSON and whole', async () => {
  await on('registry create audited')
  await on('registry delete audited --yes')
  const listed = await on('audit list --action registry. --subject audited --from 1h')
  assert.match(
    listed.out,
    /^WHEN +WHO +WHAT +TO WHAT +FROM\n20\S+Z +key:laptop.* registry.delete +audited +127\.0\.0\.1/,
  )
  assert.equal((await on('audit list --subject audited --limit 1 --json')).json.length, 1)
  const lines = (await on('audit export --subject audited')).out.trim().split('\n')
  assert.deepEqual(lines.map((line) => JSON.parse(line).action).slice(0, 2), ['registry.delete', 'registry.create'])
  await on('registry create audited-too')
  assert.equal((await on('audit list --registry audited-too --json')).json.length, 1)
  assert.match((await on('audit list --subject nothing-like-it')).err, /Nothing of that kind happened/)
  assert.equal((await on('audit list --limit many')).code, 2)
  assert.match((await on('audit list --from yesterday')).err, /from is not valid/)
  assert.match((await on('audit list --installation')).err, /is no operator/)
})

test('a key that may only read is told so; a wrong one is told what to do', async () => {
  const reading = await on('registry create beta', { env: { ...there(), ENTREPOT_API_KEY: keys.reader } })
  assert.equal(reading.code, 1)
  assert.match(reading.err, /^entrepot: the API key "laptop.*" may only read: use another one$/)
  const wrong = await on('registry list', { env: { ...there(), ENTREPOT_API_KEY: 'entk_x' } })
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, new RegExp(`Log in with entrepot login ${url}, or set ENTREPOT_API_KEY`))
})

test('no key, no login: said before anything is asked', async () => {
  const { code, err } = await type('registry list', { env: { ENTREPOT_URL: url } })
  assert.deepEqual(
    [code, err],
    [2, `nobody is logged in at ${url}: run entrepot login ${url}, or set ENTREPOT_API_KEY`],
  )
  assert.match((await type('whoami')).err, /which server\?/)
})

test('login with an API key: kept for this user alone, used by commands, forgotten by logout', async () => {
  const env = { HOME: home }
  const wrong = await type(`login ${url} --api-key`, { env, piped: ['entk_wrong'] })
  assert.equal(wrong.code, 1)
  const login = await type(`login ${url}/ --api-key`, { env, piped: [keys.owner] })
  assert.deepEqual([login.code, login.err], [0, ''])
  assert.match(login.out, /^ann@example.com is logged in at http.* \(contract \d+\); kept in .*logins\.json$/)
  const file = join(home, '.config', 'entrepot', 'logins.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal((await stat(join(home, '.config', 'entrepot'))).mode & 0o777, 0o700)
  assert.match((await type('whoami', { env })).out, /ann@example.com at .* with API key laptop.*: owner of contract/)
  assert.equal((await type('whoami --json', { env })).json.apiKey.name.slice(0, 6), 'laptop')
  assert.equal((await type('registry list --json', { env })).code, 0)
  assert.match((await type('logout', { env })).out, /logged out/)
  assert.ok(!(await readFile(file, 'utf8')).includes(keys.owner))
  assert.match((await type('logout', { env })).err, /nobody is logged in/)
})

test('login by password: a session that is listed and ended by logout', async () => {
  const env = { HOME: home }
  const wrong = await type(`login ${url} --email ann@example.com`, { env, piped: ['battery staple'] })
  assert.equal(wrong.code, 1)
  const login = await type(`login ${url}`, { env, typed: ['ann@example.com', PASSWORD] })
  assert.deepEqual([login.code, login.err], [0, ''])
  const again = await type(`login ${url}`, { env: { HOME: join(home, 'other') }, piped: ['ann@example.com', PASSWORD] })
  assert.equal(again.code, 0, again.err)
  assert.equal((await type('session list --json', { env })).json.length, 2)
  assert.match((await type('session end-others', { env })).out, /^1 other session is ended$/)
  assert.match((await type('whoami', { env })).out, /^ann@example.com at http\S+: owner of contract \d+$/)
  const [session] = (await type('session list --json', { env })).json
  assert.equal((await type('logout', { env })).err, '')
  const ended = await on('session list', { env: { ...there(), ENTREPOT_API_KEY: keys.owner } })
  assert.match(ended.err, /sessions are not for API keys/)
  assert.ok(session.id)
  const gone = await type('whoami', { env: { HOME: join(home, 'other') } })
  assert.equal(gone.code, 1)
  assert.match(gone.err, /Log in with entrepot login/)
})

test('--data means this machine, whoever is logged in where', async () => {
  await world.logIn()
  const here: unknown[] = []
  const openLocal = async (config: { readonly data: string }): Promise<never> => {
    here.push(config.data)
    throw new DomainError('unavailable', 'opened here')
  }
  assert.equal((await world.type('registry list', { openLocal })).code, 0)
  assert.match((await world.type('registry list --data /srv/here', { openLocal })).err, /opened here/)
  assert.match((await world.type('user list --data /srv/here', { openLocal })).err, /opened here/)
  assert.deepEqual(here, ['/srv/here', '/srv/here'])
  const asked = await world.type('registry create asked', { openLocal })
  assert.equal(asked.code, 0, asked.err)
  const { err } = await world.type('registry delete asked')
  assert.ok(err.startsWith(`This deletes registry asked on ${url} and every image in it.`), err)
})

test('servers that are none: nobody answers, somebody else answers, one sends elsewhere', async () => {
  const other = createServer((request, response) => {
    if (request.url === '/registries?limit=100') response.writeHead(301, { location: 'https://example.com/' }).end()
    else response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const env = { ENTREPOT_URL: address, ENTREPOT_API_KEY: 'x' }
  assert.match((await type('registry list', { env })).err, /sends us to https:\/\/example.com\/: give that URL instead/)
  assert.match((await type('whoami', { env })).err, /answered 502, which is not how Entrepot refuses/)
  other.closeAllConnections()
  await new Promise((resolve) => other.close(resolve))
  const nobody = { ...env, ENTREPOT_URL: await unusedAddress() }
  const { code, err } = await type('whoami', { env: nobody })
  assert.equal(code, 1)
  assert.match(err, /does not answer \(.*ECONNREFUSED.*\): is that the right URL, and does the server run\?$/)
})

async function unusedAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}
