import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { EntrepotUnderTest } from '../../support/server.ts'
import { startEntrepot } from '../../support/server.ts'
import { run, skipWithout, tool, until } from '../../support/tools.ts'

// The program itself as a client of a server of two processes behind TLS, as a new user would use it.

const PROGRAM = fileURLToPath(new URL('../../../bin/entrepot', import.meta.url))
const DAY_MS = 86_400_000
let server: EntrepotUnderTest
let home: string

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'entrepot-home-'))
  // What commands read must not trouble a server that is started from the same shell.
  const env = {
    ENTREPOT_URL: 'https://elsewhere.example',
    ENTREPOT_API_KEY: 'x',
    ENTREPOT_CA: '/x',
    ENTREPOT_CONTRACT: '1',
  }
  server = await startEntrepot({ tls: true, workers: 2, env })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await rm(home, { recursive: true })
})

async function entrepot(line: string, { input = '', env = {} as Record<string, string | undefined> } = {}) {
  const own = { HOME: home, XDG_CONFIG_HOME: undefined, ENTREPOT_CA: server.caFile, ...env }
  const { code, stdout, stderr } = await run(process.execPath, [PROGRAM, ...line.split(' ')], { env: own, input })
  return { code, out: stdout.trim(), err: stderr.trim() }
}

const basic = (password: string) => `Basic ${Buffer.from(`ci:${password}`).toString('base64')}`
const ping = (password: string) => server.request('/v2/', { headers: { authorization: basic(password) } })
const passwordIn = (text: string) => /password: {2}(\S+)/.exec(text)?.[1] ?? ''

test('a certificate of an unknown authority is refused, saying what to do', async () => {
  const { code, err } = await entrepot(`login ${server.url}`, { env: { ENTREPOT_CA: undefined } })
  assert.equal(code, 2, err) // nothing was piped in
  const lines = 'owner@example.com\nwhatever\n'
  const refused = await entrepot(`login ${server.url}`, { env: { ENTREPOT_CA: undefined }, input: lines })
  assert.equal(refused.code, 1)
  assert.match(refused.err, /is not trusted \(.*\): ENTREPOT_CA names a PEM file/)
})

test('log in, make a registry and a token, rotate it without an outage', async () => {
  const { email, password } = server.admin
  const login = await entrepot(`login ${server.url} --email ${email}`, { input: `${password}\n` })
  assert.deepEqual([login.code, login.err], [0, ''])
  assert.match((await entrepot('registry create acme')).out, /named 127\.0\.0\.1:\d+\/acme\/<repository>:<tag>/)
  const old = passwordIn((await entrepot('token create acme ci')).out)
  assert.equal((await ping(old)).status, 200)
  const rotated = await entrepot('token rotate acme ci')
  const fresh = passwordIn(rotated.out)
  assert.deepEqual([(await ping(old)).status, (await ping(fresh)).status], [200, 200])
  assert.equal((await ping(fresh)).headers['warning'], undefined)
  assert.match(String((await ping(old)).headers['warning']), /^299 - "token ci in registry acme has a newer password/)
  const isSeen = async () => !/never +never/.test((await entrepot('token secrets acme ci')).out)
  await until(isSeen, () => 'the last uses are not written', 20_000)
  const [, command = ''] = /then: +entrepot (.*)$/.exec(rotated.out) ?? []
  assert.match((await entrepot(`${command} --yes`)).out, /is revoked$/)
  // Every connection may reach the other process: none of them lets the old one in.
  const answers = await Promise.all(Array.from({ length: 8 }, () => ping(old)))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([401]))
  assert.equal((await ping(fresh)).status, 200)
})

test('oras shows that a token ends soon', { skip: skipWithout('oras') }, async () => {
  const soon = new Date(Date.now() + 3 * DAY_MS).toISOString()
  const made = await entrepot(`token create acme soon --expires ${soon} --json`)
  const { password, hostname } = JSON.parse(made.out)
  const login = ['-u', 'soon', '-p', password, '--ca-file', server.caFile ?? '']
  const pushed = await run(tool('oras') ?? 'oras', ['push', ...login, `${hostname}/app:v1`, 'package.json'], {
    env: { HOME: home },
  })
  assert.equal(pushed.code, 0, pushed.stderr)
  assert.match(pushed.stdout + pushed.stderr, /the password of token soon in registry acme ends at 20/)
  assert.match((await entrepot('repository list acme --name app')).out, /\napp +1 +\d+ +1 +20\S+Z /)
  assert.match((await entrepot('artifact list acme --repository app')).out, /\napp +v1 .* sha256:[0-9a-f]{64}$/)
  assert.match((await entrepot('repository delete acme app --yes')).out, /Repository acme\/app is deleted/)
})

test('who did it, then log out', async () => {
  assert.match((await entrepot('job schedules')).out, /^NAME +NEXT +LAST +RESULT\n/)
  assert.match((await entrepot('audit list --action token.rotate')).out, /owner@example.com +token.rotate +acme\/ci/)
  assert.match((await entrepot('logout')).out, /logged out/)
  assert.equal((await entrepot('audit list')).code, 2)
})
