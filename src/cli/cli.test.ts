import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { openControlPlane } from '../../test/support/management.ts'
import type { NewPassword } from '../accounts/set-password.ts'
import type { NewUser } from '../accounts/users.ts'
import type { BackupReport } from '../backup/back-up.ts'
import type { RestoreReport } from '../backup/restore.ts'
import { snapshotName } from '../blobs/snapshot-store.ts'
import type { Config } from '../config/config.ts'
import { DomainError } from '../domain/error.ts'
import { parseSecret } from '../domain/secret.ts'
import type { Naming } from '../registries/hostname.ts'
import { COMMANDS, runCli } from './cli.ts'
import type { CheckReport, Command, LocalApp, RestoreOptions } from './command.ts'
import { expiryOf, parseScope } from './token-words.ts'

const NOW = Date.UTC(2026, 0, 31, 12)
const naming: Naming = { publicUrl: null, domain: null, locations: [{ id: 'de/fra', between: null }] }

const SNAPSHOT = snapshotName(NOW, '0123456789abcdef')
const RESTORED: RestoreReport = {
  installation: 'i-1',
  snapshot: SNAPSHOT,
  takenAt: NOW,
  objects: { count: 5, bytes: 500 },
  unknown: { count: 3, bytes: 300 },
  missing: 0,
}
const BACKED_UP: BackupReport = {
  manifest: {
    format: 'entrepot backup',
    version: 1,
    installation: 'i-1',
    snapshot: SNAPSHOT,
    takenAt: '2026-01-31T12:00:00.000Z',
    finishedAt: '2026-01-31T12:00:01.000Z',
    program: '0.0.0',
    metadata: { bytes: 100, sha256: 'a', rows: {} },
    objects: { count: 5, bytes: 500, sha256: 'b', missing: [] },
    masterKey: 'not here',
  },
  added: { count: 2, bytes: 200, linked: 1 },
  removed: 0,
}

interface Options {
  readonly env?: Record<string, string>
  /** What a person types; without it nobody sits there. */
  readonly typed?: string[]
  readonly piped?: string[]
  readonly report?: CheckReport
  readonly keyFile?: string | null
  readonly openLocal?: (config: Config) => Promise<LocalApp>
  readonly commands?: readonly Command[]
}

async function open(t: TestContext, options: Options = {}) {
  const plane = await openControlPlane({ naming })
  t.after(() => plane[Symbol.asyncDispose]())
  const acts: unknown[] = []
  const configs: Config[] = []
  const app: LocalApp = {
    registries: plane.registries,
    naming,
    accounts: {
      addUser: async (input: NewUser) => {
        acts.push(input)
        return { userId: 'u2' }
      },
      listUsers: async () => [
        {
          userId: 'u1',
          email: 'a@b.example',
          role: 'owner',
          manageRegistry: false,
          isDisabled: false,
          displayName: null,
          since: NOW,
        },
      ],
      setPassword: async (input: NewPassword) => void acts.push(input),
      setOperator: async (input: { email: string; isOperator: boolean }) => void acts.push(input),
    },
    scans: {
      report: () => assert.fail('nothing is scanned here'),
      history: () => assert.fail('nothing is scanned here'),
      scan: () => assert.fail('nothing is scanned here'),
      followImports: () => assert.fail('nothing is scanned here'),
    },
    work: () => assert.fail('nothing is scanned here'),
    keys: {
      describe: async () => ({ installation: 'i-1', provider: 'file', file: options.keyFile ?? null }),
      exportKeys: async (registryId) => [{ registryId }],
      rotate: async (masterKey) => {
        acts.push({ masterKey })
        return 3
      },
    },
    contract: async (contractId) => (contractId <= 2 ? { name: 'test' } : null),
    check: async (given) => {
      acts.push(given)
      return options.report ?? { checked: { manifests: 2, objects: 5 }, problems: [], repaired: [] }
    },
    backUp: async (given) => {
      acts.push(given)
      return BACKED_UP
    },
    [Symbol.asyncDispose]: async () => {},
  }
  return {
    app,
    acts,
    configs,
    run: (line: string, more: Options = {}) => run(line, { ...options, ...more }, app, configs),
  }
}

async function run(line: string, options: Options, app: LocalApp, configs: Config[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const lines = [...(options.typed ?? options.piped ?? [])]
  const context = {
    io: {
      out: (text: string) => void out.push(text),
      pour: async (chunks: AsyncIterable<Uint8Array>) =>
        void out.push(String(Buffer.concat(await Array.fromAsync(chunks)))),
      err: (text: string) => void err.push(text),
      interactive: options.typed !== undefined,
      ask: async () => lines.shift() ?? '',
    },
    env: options.env ?? {},
    now: () => NOW,
    restore: async (config: Config, given: RestoreOptions) => {
      configs.push(config)
      return { ...RESTORED, missing: given.from === 'store' ? 2 : 0 }
    },
    openLocal:
      options.openLocal ??
      (async (config: Config) => {
        configs.push(config)
        return app
      }),
  }
  const argv = line.split(' ').filter((word) => word !== '')
  const code = await runCli(argv, context, options.commands ?? COMMANDS)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('a new user: a registry and a login, with what to type next', async (t) => {
  const { run } = await open(t)
  const made = await run('registry create acme')
  assert.deepEqual([made.code, made.err], [0, ''])
  assert.match(
    made.out,
    /named 127\.0\.0\.1:5000\/acme\/<repository>:<tag>\nNext.*: entrepot token create acme <token name>$/,
  )
  const token = await run('token create acme ci')
  assert.equal(token.code, 0, token.err)
  assert.match(
    token.out,
    /pull, push in every repository\n {2}log in: {4}docker login 127\.0\.0\.1:5000 --username ci\n/,
  )
  const [, password = ''] = /password: {2}(\S+) {3}\(shown only now\)/.exec(token.out) ?? []
  assert.ok(parseSecret(password))
  assert.equal(
    (await run('registry list')).out.split('\n')[1]?.split(/ +/).slice(0, 4).join(' '),
    'acme de/fra Running 127.0.0.1:5000/acme',
  )
  assert.match((await run('token list acme')).out, /ci +enabled +never +never +1 +repository:\*:pull,push/)
})

test('data as JSON', async (t) => {
  const { run } = await open(t)
  const made = JSON.parse((await run('registry create acme --json --no-scanning')).out)
  assert.deepEqual(
    [made.name, made.state, made.hostname, made.scanning],
    ['acme', 'Running', '127.0.0.1:5000/acme', false],
  )
  const token = JSON.parse(
    (await run('token create acme ci --json --scope registry:catalog:* --scope repository:a/*:pull --expires 30d')).out,
  )
  assert.ok(parseSecret(token.password))
  assert.deepEqual(
    [token.scopes, token.expiresAt],
    [['registry:catalog:*', 'repository:a/*:pull'], '2026-03-02T12:00:00Z'],
  )
  const [listed] = JSON.parse((await run('token list acme --json')).out)
  assert.equal(listed.password, undefined)
  assert.equal(JSON.parse((await run('registry list --json')).out).length, 1)
  assert.deepEqual(JSON.parse((await run('keys show --json')).out), {
    installation: 'i-1',
    provider: 'file',
    file: null,
  })
  assert.equal(JSON.parse((await run('user list --json')).out)[0].email, 'a@b.example')
  assert.equal(JSON.parse((await run('config --json')).out).listen, '127.0.0.1:5000')
  assert.equal(JSON.parse((await run('config schema --json')).out).type, 'object')
})

test('where the server listens, and what the public URL says', async (t) => {
  const { run } = await open(t)
  assert.match(
    (await run('registry create acme', { env: { ENTREPOT_LISTEN: '0.0.0.0:80' } })).out,
    /127\.0\.0\.1:80\/acme/,
  )
  assert.match((await run('registry create beta', { env: { ENTREPOT_LISTEN: '[::1]:80' } })).out, /\[::1\]:80\/beta/)
})

test('--data and --config name the installation', async (t) => {
  const { run, configs } = await open(t)
  await run('registry list --data /srv/here')
  assert.equal(configs[0]?.data, '/srv/here')
  const broken = await run('registry list --config /nowhere.json')
  assert.equal(broken.code, 2)
  assert.match(broken.err, /the settings are not right\n {2}ENTREPOT_CONFIG = \/nowhere\.json cannot be read/)
})

test('contracts do not see each other here either', async (t) => {
  const { run } = await open(t)
  await run('registry create acme --contract 1')
  assert.match((await run('registry list --contract 2')).err, /No registries yet/)
  const refused = await run('token create acme ci --contract 2')
  assert.deepEqual([refused.code, refused.err], [1, 'entrepot: registry "acme" does not exist in this contract'])
})

test('tokens: stopped, started, deleted', async (t) => {
  const { run } = await open(t)
  await run('registry create acme')
  await run('token create acme ci')
  assert.match((await run('token disable acme ci')).out, /is disabled/)
  assert.match((await run('token list acme')).out, /ci +disabled/)
  assert.match((await run('token enable acme ci')).out, /is enabled/)
  assert.equal((await run('token delete acme ci --yes')).code, 0)
  assert.match((await run('token delete acme ci --yes')).err, /token "ci" of registry "acme" does not exist/)
})

test('tokens: a second password, then the first one revoked', async (t) => {
  const { run } = await open(t)
  await run('registry create acme')
  await run('token create acme ci')
  const [old] = JSON.parse((await run('token secrets acme ci --json')).out)
  const rotated = await run('token rotate acme ci')
  assert.match(rotated.out, new RegExp(`then: +entrepot token revoke acme ci ${old.id}$`))
  const [, password = ''] = /password: {2}(\S+) {3}\(shown only now\)/.exec(rotated.out) ?? []
  const fresh = parseSecret(password)?.keyId ?? 'none'
  assert.match((await run('token secrets acme ci')).out, new RegExp(`${old.id} +20.*never +never\n${fresh} +20`))
  const third = await run('token rotate acme ci')
  assert.deepEqual([third.code, /has 2 live secrets already/.test(third.err)], [1, true])
  assert.match((await run(`token revoke acme ci ${old.id}`)).err, /Add --yes/)
  assert.match((await run(`token revoke acme ci ${old.id} --yes`)).out, /is revoked/)
  assert.match((await run(`token revoke acme ci ${old.id} --yes`)).err, /secret .* does not exist/)
  const again = JSON.parse((await run('token rotate acme ci --expires 30d --json')).out)
  assert.deepEqual([again.secret === again.secrets[1].id, again.effectiveExpiresAt], [true, '2026-03-02T12:00:00Z'])
})

test('deleting asks, and without a person wants --yes', async (t) => {
  const { run } = await open(t)
  await run('registry create acme')
  const piped = await run('registry delete acme')
  assert.equal(piped.code, 2)
  assert.match(piped.err, /every image in it\.\nAdd --yes/)
  assert.match((await run('registry delete acme', { typed: ['amce'] })).err, /nothing was changed/)
  const gone = await run('registry delete acme', { typed: ['acme'] })
  assert.match(gone.out, /deleted; what it held is destroyed after 2026-02-07T12:00:00/)
  assert.match((await run('registry list')).err, /No registries yet/)
})

test('users: passwords are asked for twice, or piped once; never arguments', async (t) => {
  const { run, acts } = await open(t)
  assert.equal((await run('user add c@d.example --role admin', { typed: ['correct horse', 'correct horse'] })).code, 0)
  assert.equal((await run('user passwd A@B.example', { piped: ['battery staple'] })).code, 0)
  assert.deepEqual(acts, [
    {
      contractId: 1,
      email: 'c@d.example',
      password: 'correct horse',
      role: 'admin',
      manageRegistry: false,
      linkExisting: true,
    },
    { userId: 'u1', password: 'battery staple', contractId: null },
  ])
  assert.match((await run('user operator c@d.example')).out, /an operator of this installation/)
  assert.match((await run('user operator c@d.example --off')).out, /no operator/)
  assert.deepEqual(acts.splice(2), [
    { email: 'c@d.example', isOperator: true },
    { email: 'c@d.example', isOperator: false },
  ])
  assert.match((await run('user add c@d.example', { typed: ['one', 'two'] })).err, /not the same: nothing was changed/)
  assert.match((await run('user add c@d.example', { piped: [] })).err, /password is empty/)
  assert.match((await run('user passwd x@y.example', { piped: ['z'] })).err, /nobody in contract 1/)
  assert.equal((await run('user add c@d.example secret')).code, 2)
  assert.equal(acts.length, 2)
})

test('keys: shown by place, exported after a question, rotated', async (t) => {
  const { run, acts } = await open(t)
  await run('registry create acme')
  assert.equal((await run('keys export acme')).code, 2)
  assert.deepEqual(JSON.parse((await run('keys export acme --yes')).out), [{ registryId: 1 }])
  assert.match(
    (await run('keys rotate', { piped: ['new key'] })).out,
    /3 keys are wrapped anew\nStart the servers again with the new ENTREPOT_MASTER_KEY/,
  )
  const { run: runFile, acts: fileActs } = await open(t, { keyFile: '/srv/data/master.key' })
  assert.match((await runFile('keys show')).out, /master key +\/srv\/data\/master\.key/)
  assert.match((await runFile('keys rotate')).out, /back up \/srv\/data\/master\.key/)
  assert.deepEqual([acts, fileActs], [[{ masterKey: 'new key' }], [{ masterKey: null }]])
})

test('check: 0 when all is whole, 1 when it is not', async (t) => {
  const { run, acts } = await open(t)
  const whole = await run('check')
  assert.deepEqual([whole.code, whole.out], [0, 'checked 2 manifests, 5 objects: all is whole'])
  const report = { checked: { objects: 1 }, problems: ['object x is gone'], repaired: ['object y'] }
  const { run: runBroken } = await open(t, { report })
  const broken = await runBroken('check --repair')
  assert.equal(broken.code, 1)
  assert.deepEqual(broken.out.split('\n'), [
    'problem: object x is gone',
    'repaired: object y',
    'checked 1 objects: 1 problems',
  ])
  assert.equal((await runBroken('check --json')).code, 1)
  assert.deepEqual(acts, [{ repair: false, fast: false }])
})

const usage: { name: string; line: string; says: RegExp }[] = [
  { name: 'nothing', line: '', says: /a command is missing[\s\S]*usage: entrepot <command>/ },
  { name: 'a misspelt command', line: 'regsitry list', says: /no command "regsitry"; did you mean "registry"\?/ },
  {
    name: 'a misspelt second word',
    line: 'token creat',
    says: /entrepot token: there is no command "creat"; did you mean "create"\?/,
  },
  { name: 'half a command', line: 'registry', says: /entrepot registry: a command is missing[\s\S]*create/ },
  {
    name: 'a missing argument',
    line: 'token create acme',
    says: /entrepot token create: <name> is missing\n\nusage: entrepot token create <registry> <name> \[options\]/,
  },
  { name: 'an argument too many', line: 'registry create a b', says: /"b" is too much/ },
  { name: 'an unknown option', line: 'registry create acme --loc de/fra', says: /Unknown option '--loc'\n/ },
  {
    name: 'an option without its value',
    line: 'registry create acme --location',
    says: /--location.*argument missing/,
  },
  { name: 'a contract that is a word', line: 'registry list --contract acme', says: /--contract acme is not valid/ },
  {
    name: 'a role that does not exist',
    line: 'user add a@b --role king',
    says: /--role king is not valid: write owner, admin, member/,
  },
  {
    name: 'a scope in another form',
    line: 'token create acme ci --scope pull',
    says: /--scope pull is not valid: write type:name:actions/,
  },
]
for (const { name, line, says } of usage) {
  test(`exit code 2: ${name}`, async (t) => {
    const { run } = await open(t)
    await run('registry create acme')
    const { code, out, err } = await run(line)
    assert.deepEqual([code, out], [2, ''])
    assert.match(err, says)
  })
}

const failures: { name: string; line: string; says: RegExp }[] = [
  {
    name: 'a name that is not valid',
    line: 'registry create Acme',
    says: /^entrepot: registry name "Acme" is not valid: 3 to 63/,
  },
  { name: 'a name that is taken', line: 'registry create acme', says: /already taken/ },
  {
    name: 'a location that does not exist',
    line: 'registry create beta --location mars',
    says: /choose one of de\/fra/,
  },
  { name: 'a registry that does not exist', line: 'token list beta', says: /registry "beta" does not exist/ },
  { name: 'a contract that does not exist', line: 'registry list --contract 9', says: /contract 9 does not exist/ },
  {
    name: 'an expiry that is none',
    line: 'token create acme ci --expires soon',
    says: /expiryDate "soon" is not valid/,
  },
  { name: 'what is planned', line: 'gc', says: /entrepot gc .* comes in a later version/ },
]
for (const { name, line, says } of failures) {
  test(`exit code 1: ${name}`, async (t) => {
    const { run } = await open(t)
    await run('registry create acme')
    const { code, out, err } = await run(line)
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, says)
  })
}

test('errors: for the operator one sentence, the unexpected whole', async (t) => {
  const failing = (error: Error) => open(t, { openLocal: () => Promise.reject(error) })
  const named = Object.assign(new Error('the master key from the file is not the one'), { name: 'MasterKeyError' })
  assert.equal((await (await failing(named)).run('check')).err, 'entrepot: the master key from the file is not the one')
  const busy = new DomainError('unavailable', 'the database is busy')
  assert.equal((await (await failing(busy)).run('check')).err, 'entrepot: the database is busy')
  const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/srv'"), {
    code: 'EACCES',
    syscall: 'mkdir',
  })
  assert.match((await (await failing(denied)).run('check')).err, /^entrepot: EACCES: permission denied, mkdir '\/srv'$/)
  const { code, err } = await (await failing(new TypeError('x is not a function'))).run('check')
  assert.equal(code, 1)
  assert.match(err, /please report it[\s\S]*TypeError: x is not a function\n +at /)
})

function* linesOf(words: string, commands: readonly Command[]): Generator<{ line: string; isGroup: boolean }> {
  for (const { name, commands: below } of commands) {
    const line = `${words} ${name}`.trim()
    yield { line, isGroup: below.length > 0 }
    yield* linesOf(line, below)
  }
}

test('help is everywhere, has an example, and opens nothing', async (t) => {
  const { run } = await open(t, { openLocal: () => assert.fail('opened') })
  for (const { line, isGroup } of linesOf('', COMMANDS)) {
    const { code, out, err } = await run(`${line} --help`)
    assert.deepEqual([code, err], [0, ''], line)
    assert.ok(out.includes(`usage: entrepot ${line}`), line)
    if (!isGroup) assert.match(out, new RegExp(`\nexample:\n  .*entrepot ${line}`), line)
  }
  const { out } = await run('--help')
  assert.match(out, /planned, in a later version: gc, explain/)
  assert.match((await run('--version')).out, /^entrepot \d+\.\d+\.\d+/)
})

test('config: the settings in force, secrets aside; problems by name', async (t) => {
  const { run } = await open(t)
  const env = { ENTREPOT_LISTEN: '127.0.0.1:1', ENTREPOT_ADMIN_PASSWORD: 'swordfish' }
  for (const line of ['config', 'config --print', 'config print']) {
    const { code, out } = await run(line, { env })
    assert.equal(code, 0)
    assert.match(out, /ENTREPOT_LISTEN +127\.0\.0\.1:1 {2}\(environment\)/)
    assert.match(out, /ENTREPOT_ADMIN_PASSWORD +set, not shown/)
    assert.ok(!out.includes('swordfish'))
  }
  assert.match((await run('config schema')).out, /ENTREPOT_PUBLIC_URL/)
  const { code, err } = await run('config', { env: { ENTREPOT_LISTN: 'x' } })
  assert.deepEqual(
    [code, err],
    [2, 'entrepot: the settings are not right\n  ENTREPOT_LISTN is not a setting: did you mean ENTREPOT_LISTEN?'],
  )
})

const scopes = [
  { text: 'repository:team/*:pull,push', want: { type: 'repository', name: 'team/*', actions: ['pull', 'push'] } },
  { text: 'registry:catalog:*', want: { type: 'registry', name: 'catalog', actions: ['*'] } },
  { text: 'repository:host:5000/a:pull', want: { type: 'repository', name: 'host:5000/a', actions: ['pull'] } },
]
for (const { text, want } of scopes) test(`parseScope: ${text}`, () => assert.deepEqual(parseScope(text), want))

const expiries = [
  { text: '12h', want: '2026-02-01T00:00:00Z' },
  { text: '8w', want: '2026-03-28T12:00:00Z' },
  { text: '1y', want: '2027-01-31T12:00:00Z' },
  { text: '2030-12-31T23:59:59Z', want: '2030-12-31T23:59:59Z' },
]
for (const { text, want } of expiries) test(`expiryOf: ${text}`, () => assert.equal(expiryOf(text, NOW), want))

test('backup: where to, what it says, and that the key is not in it', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'entrepot-cli-'))
  t.after(() => rm(data, { recursive: true }))
  const { run, acts } = await open(t, { env: { ENTREPOT_DATA: data } })
  const nothing = await run('backup /elsewhere/copy')
  assert.deepEqual(
    [nothing.code, nothing.err],
    [1, `entrepot: there is no installation in ${data}: name its data directory with --data or ENTREPOT_DATA`],
  )
  await writeFile(join(data, 'entrepot.db'), '')
  const done = await run('backup /elsewhere/copy --verify')
  assert.deepEqual([done.code, done.err], [0, ''])
  assert.match(
    done.out,
    /^backed up to \/elsewhere\/copy: the state of 2026-01-31T12:00:00\.000Z, 5 objects, 500 bytes\n/,
  )
  assert.match(done.out, /The master key is not in it/)
  assert.deepEqual(acts.at(-1), { folder: '/elsewhere/copy', mayLink: true, readAgain: true })
  await run('backup /elsewhere/copy.tar')
  assert.deepEqual(acts.at(-1), { file: '/elsewhere/copy.tar', readAgain: false })
  await run('backup /elsewhere/copy --copy')
  assert.deepEqual(acts.at(-1), { folder: '/elsewhere/copy', mayLink: false, readAgain: false })
  assert.equal(JSON.parse((await run('backup /elsewhere/copy --json')).out).manifest.installation, 'i-1')
  const inside = await run('backup /data/backup --data /data')
  assert.deepEqual([inside.code, acts.length], [1, 4])
  assert.match(inside.err, /would be lost with it/)
  assert.equal((await run('backup')).code, 2)
})

test('restore: from a folder, or from the store with what is lost', async (t) => {
  const { run } = await open(t)
  const done = await run('restore /elsewhere/copy')
  assert.deepEqual([done.code, done.err], [0, ''])
  assert.match(done.out, /as it was at 2026-01-31T12:00:00\.000Z\n5 objects, 500 bytes\nWhat was revoked/)
  const left = await run('restore --from-store')
  assert.equal(left.code, 1)
  assert.match(left.out, /lost is what came after that time: the store holds 3 objects, 300 bytes/)
  assert.match(left.err, /^2 objects that it needs are not there/)
  for (const line of ['restore', 'restore a --from-store', 'restore a --snapshot x', 'restore a b'])
    assert.equal((await run(line)).code, 2, line)
})
