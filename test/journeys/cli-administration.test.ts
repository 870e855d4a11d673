import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OPERATOR } from '../../src/accounts/deps.ts'
import { type } from '../support/cli.ts'
import { ANN, CliWorld, PASSWORD } from '../support/cli-world.ts'
import { LyingProvider } from '../support/identity-provider.ts'

// What administrators and operators do, against a server that listens, logged in by password.

let world: CliWorld

before(async () => {
  world = await CliWorld.open({ ENTREPOT_EGRESS_ALLOW: '127.0.0.1' })
  await world.logIn()
})
after(() => world[Symbol.asyncDispose]())

test('people: invited, changed, shut out, reset and removed', async () => {
  const invited = await world.type('user invite bob@example.com --manage-registry')
  assert.equal(invited.code, 0, invited.err)
  const link = invited.out.split('\n')[1]?.trim() ?? ''
  assert.match((await world.type('user invitations')).out, /bob@example.com +member +ann@example.com/)
  const joined = await type('user redeem', { piped: [link, 'battery staple horse'] })
  assert.match(joined.out, /^bob@example.com is in contract \d+; next: entrepot login http\S+ --email bob@example.com$/)
  assert.match((await type('user redeem', { piped: [link, 'battery staple horse'] })).err, /^entrepot: /)
  assert.match((await type('user redeem', { piped: ['http://x/', 'y'] })).err, /that is no link of ours/)
  assert.match((await world.type('user list')).out, /bob@example.com +member +manages registries/)
  assert.match((await world.type('user role bob@example.com admin')).out, /bob@example.com is admin/)
  assert.equal((await world.type('user role bob@example.com king')).code, 2)
  assert.match((await world.type('user disable bob@example.com')).out, /is disabled/)
  assert.match((await world.type('user list')).out, /bob@example.com +admin +disabled/)
  assert.match((await world.type('user enable bob@example.com')).out, /is enabled/)
  const reset = await world.type('user reset bob@example.com --json')
  assert.match(
    (await type('user redeem', { piped: [reset.json.link, 'another horse battery'] })).out,
    /has a new password/,
  )
  assert.match((await world.type('user remove bob@example.com')).err, /Add --yes/)
  assert.match((await world.type('user remove bob@example.com --yes')).out, /is removed/)
  assert.match(
    (await world.type('user remove bob@example.com --yes')).err,
    /bob@example.com is nobody in this contract/,
  )
  await world.type('user invite eve@example.com')
  assert.match((await world.type('user uninvite eve@example.com')).out, /no longer invited/)
  assert.match((await world.type('user uninvite eve@example.com')).err, /is not invited/)
})

test('API keys: made with limits, listed, revoked by name', async () => {
  await world.type('registry create keyed')
  const made = await world.type('key create ci-key --expires 30d --read-only --registry keyed')
  assert.match(
    made.out,
    /^API key ci-key is made: reads in 1 registry, ends 2026-01-31T00:00:00Z\n {2}entk_\S+ {3}\(shown/,
  )
  const secret = /entk_\S+/.exec(made.out)?.[0] ?? ''
  const withKey = { ENTREPOT_URL: world.url, ENTREPOT_API_KEY: secret }
  const seen = (await world.type('registry list --json', { env: withKey })).json
  assert.deepEqual(
    seen.map((registry: { name: string }) => registry.name),
    ['keyed'],
  )
  assert.match((await world.type('key list')).out, /ci-key +ann@example.com +reads in 1 registry +2026-01-31T00:00:00Z/)
  assert.match((await world.type('key revoke ci-key --yes')).out, /is revoked/)
  assert.equal((await world.type('registry list', { env: withKey })).code, 1)
  assert.match((await world.type('key revoke ci-key --yes')).err, /there is no API key "ci-key"/)
})

test('contracts: the own one, and all of them for operators', async () => {
  assert.match((await world.type('contract set --max-token-lifetime 90d')).out, /tokens work at most 90 days$/)
  assert.match((await world.type('token create keyed never')).err, /expiryDate is missing: .*at most 90 days/)
  assert.equal((await world.type('contract set --max-token-lifetime soon')).code, 2)
  assert.equal((await world.type('contract set')).code, 2)
  assert.match(
    (await world.type('contract set --max-token-lifetime none --name Example')).out,
    /\(Example\).*\n.*without limit/,
  )
  assert.match((await world.type('contract mine')).out, /Example +owner +manages registries/)
  assert.match((await world.type('contract list')).err, /is no operator/)
  await world.api.people.accounts.setOperator({ email: 'ann@example.com', isOperator: true }, OPERATOR)
  const made = await world.type('contract create Acme --owner carl@example.com --json')
  assert.equal(made.code, 0, made.err)
  assert.match(made.json.invitation.link, /\/ui\/link#/)
  const { contract } = made.json
  assert.match((await world.type('contract list')).out, new RegExp(`\\n${contract} +Acme +active`))
  assert.match((await world.type(`contract suspend ${contract}`)).out, /is suspended/)
  assert.match((await world.type(`contract resume ${contract}`)).out, /is active/)
  assert.match((await world.type(`contract people ${contract}`)).err, /Nobody is in this contract/)
  const invited = await world.type(`contract invite-owner ${contract} carl@example.com --json`)
  const joined = await type('user redeem', { piped: [invited.json.link, 'battery staple horse'] })
  assert.match(joined.out, /^carl@example.com is in contract/)
  assert.match((await world.type(`contract people ${contract}`)).out, /carl@example.com +owner/)
  assert.match(
    (await world.type(`contract reset ${contract} carl@example.com`)).out,
    /Hand this link to carl@example.com/,
  )
  assert.match((await world.type(`contract reset ${contract} eve@example.com`)).err, /is nobody in contract/)
  assert.match((await world.type(`contract delete ${contract}`)).err, /Add --yes/)
  assert.match((await world.type(`contract delete ${contract} --yes`)).out, /is deleted with 0 registries/)
  assert.equal((await world.type('contract delete x --yes')).code, 2)
})

test('jobs: what the installation does by itself, for operators', async () => {
  await world.api.people.accounts.setOperator({ email: 'ann@example.com', isOperator: true }, OPERATOR)
  assert.equal((await world.type('job schedules --json')).code, 0)
  assert.match((await world.type('job list')).err, /Nothing is to be done/)
  assert.match((await world.type('job list --state asleep')).err, /^entrepot: state/)
  assert.match((await world.type('job run dreaming')).err, /^entrepot: .*dreaming/)
  assert.match((await world.type('job retry 17')).err, /there is no job 17/)
  assert.match((await world.type('job delete 17 --yes')).err, /there is no job 17/)
})

test('the own password, and the own contract: its owner may delete it', async () => {
  const wrong = await world.type('passwd', { piped: ['not it', 'another horse battery'] })
  assert.equal(wrong.code, 1)
  assert.match((await world.type('passwd', { piped: [PASSWORD, 'another horse battery'] })).out, /is changed/)
  assert.equal((await world.type('passwd', { piped: ['another horse battery', PASSWORD] })).code, 0)
  const contract = await world.api.people.contract('Short-lived')
  await world.api.people.user(contract, ANN, { role: 'owner', linkExisting: true })
  assert.match((await world.type(`contract delete ${contract} --yes`)).out, /is deleted with 0 registries/)
  assert.equal((await world.type('whoami')).code, 0)
})

test('usage and quotas: of a registry, and of a contract for operators', async () => {
  await world.type('registry create stored')
  assert.match((await world.type('quota show stored')).out, /^Quota of registry stored: no limit, 0 B used$/)
  const set = await world.type('quota set stored 50GiB')
  assert.deepEqual([set.out, set.err], ['Quota of registry stored: 50 GiB: 0 B used, 50 GiB free', ''])
  assert.equal((await world.type('quota show stored --json')).json.limitBytes, 50 * 1024 ** 3)
  assert.match((await world.type('quota set stored none')).out, /no limit/)
  assert.match((await world.type('quota set stored much')).err, /"much" is not valid: write a number of bytes/)
  const own = `quota show-contract ${world.contract}`
  assert.match((await world.type(own)).out, /^Quota of contract \d+: no limit, 0 B used$/)
  await world.api.people.accounts.setOperator({ email: ANN, isOperator: true }, OPERATOR)
  assert.match((await world.type(`quota set-contract ${world.contract} 1TiB`)).out, /: 1 TiB: 0 B used, 1 TiB free$/)
  assert.equal((await world.type('quota set-contract x 1TiB')).code, 2)
  assert.match(
    (await world.type('usage contract')).out,
    /^registries +\d+\nlive +0 B\n[\s\S]*quota +1 TiB: 0 B used, 1 TiB free$/,
  )
  const days = await world.type('usage registry stored --from 2025-12-30 --to 2026-01-01')
  assert.match(days.out, /^live +0 B\n[\s\S]*\n\nDAY +PULLS +PUSHES +LIVE\n2025-12-30 +0 +0/)
  assert.equal((await world.type('usage registry stored --json')).json.days.length, 30)
  assert.match((await world.type('usage registry stored --from soon')).err, /^entrepot: from "soon"/)
  assert.equal((await world.type('usage repository stored none')).code, 1)
})

test('single sign-on: a provider, its groups, who is whom to it', async () => {
  await using idp = await LyingProvider.open(() => world.api.people.clock)
  const add = `sso add Acme --issuer ${idp.issuer} --client-id entrepot --group a=b=admin --group dev=manager`
  const made = await world.type(add, { piped: ['s3cr3t'] })
  assert.deepEqual([made.code, made.err], [0, ''])
  assert.match(
    made.out,
    /Acme is enabled\n +log in: +http\S+\/api\/v1\/sso\/[0-9a-f-]{36}\/login\n +groups: +a=b=admin dev=manager\n/,
  )
  assert.match((await world.type('sso list')).out, /Acme +enabled +http\S+ +a=b=admin dev=manager +stay out/)
  const changed = await world.type('sso set Acme --disable --default-role member')
  assert.match(changed.out, /Acme is disabled[\s\S]*others: +member$/)
  assert.match((await world.type('sso people Acme')).err, /Nobody logged in with Acme yet/)
  assert.match((await world.type(`sso link Acme ${ANN} 2482`)).out, /logs in with Acme from now on/)
  assert.match((await world.type('sso people Acme')).out, /ann@example.com +2482 +never/)
  assert.match((await world.type(`sso unlink Acme ${ANN}`)).out, /no longer logs in/)
  for (const wrong of [
    'sso set Acme',
    'sso set Acme --enable --disable',
    'sso set Acme --group dev=king',
    'sso add B',
  ]) {
    assert.equal((await world.type(wrong)).code, 2, wrong)
  }
  await world.logIn() // unlinking ended her sessions
  const gone = await world.type('sso delete Acme --yes')
  assert.deepEqual([gone.out, gone.err], ['Identity provider Acme is deleted', ''])
  assert.match((await world.type('sso delete Acme --yes')).err, /there is no identity provider "Acme"/)
})
