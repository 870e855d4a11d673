import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { Config } from './config.ts'
import { ConfigError } from './config.ts'
import { loadConfig } from './load.ts'
import { documentSettings, printSettings, settingsAsJson, settingsSchema } from './print.ts'
import { readSettings } from './read-settings.ts'
import { SETTING_NAMES, variableOf } from './schema.ts'

type Env = Record<string, string>

const HOUR = 3_600_000

const files: Record<string, string> = {
  'good.json': '{"listen": "0.0.0.0:80", "locations": ["es/vit"], "quarantineDays": 1.5}',
  'typo.json': '{"lisen": "0.0.0.0:80"}',
  'wrong.json': '{"workers": "4"}',
  'broken.json': '{"listen": ',
  'list.json': '[]',
}
const surroundings = {
  directory: '/srv',
  cores: 3,
  readFile: (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
    return text
  },
}
const s3: Env = {
  ENTREPOT_S3_BUCKET: 'blobs',
  ENTREPOT_S3_REGION: 'us-east-1',
  ENTREPOT_S3_ACCESS_KEY_ID: 'id',
  ENTREPOT_S3_SECRET_ACCESS_KEY: 'hush',
}
const key: Env = { ENTREPOT_MASTER_KEY: 'AAAA' }

const accepted: { name: string; env: Env; want: Partial<Config> }[] = [
  {
    name: 'nothing given: the embedded installation',
    env: {},
    want: {
      listen: { host: '127.0.0.1', port: 5000 },
      data: '/srv/data',
      publicUrl: null,
      domain: null,
      locations: [{ id: 'de/fra', between: null }],
      tls: null,
      trustedProxies: [],
      egressAllow: [],
      metricsListen: null,
      workers: 3,
      logFormat: 'auto',
      s3: null,
      advisories: { sources: ['auto'], mirror: null, folder: null, everyMs: 6 * HOUR, staleMs: 72 * HOUR },
      adminEmail: null,
      maxManifestBytes: 4194304,
      uploadIdleHours: 24,
      leaseHours: 48,
      quarantineDays: 7,
      segmentCacheBytes: 134217728,
      minFreeBytes: 268_435_456,
      stallSeconds: 60,
      jwtSeconds: 300,
    },
  },
  { name: 'other programs use other prefixes', env: { HOME: '/', ENTREPOTS: 'x' }, want: { workers: 3 } },
  {
    name: 'an empty variable counts as absent',
    env: { ENTREPOT_LISTEN: '' },
    want: { listen: { host: '127.0.0.1', port: 5000 } },
  },
  { name: 'an IPv6 address', env: { ENTREPOT_LISTEN: '[::]:5000' }, want: { listen: { host: '::', port: 5000 } } },
  {
    name: 'a port chosen by the system',
    env: { ENTREPOT_LISTEN: 'localhost:0' },
    want: { listen: { host: 'localhost', port: 0 } },
  },
  {
    name: 'the public URL loses its slash',
    env: { ENTREPOT_PUBLIC_URL: 'https://cr.example.com/' },
    want: { publicUrl: 'https://cr.example.com' },
  },
  {
    name: 'locations with a template',
    env: { ENTREPOT_LOCATIONS: 'de/fra=cr.de-fra, es/vit' },
    want: {
      locations: [
        { id: 'de/fra', between: 'cr.de-fra' },
        { id: 'es/vit', between: null },
      ],
    },
  },
  {
    name: 'proxies',
    env: { ENTREPOT_TRUSTED_PROXIES: '10.0.0.0/8, ::1' },
    want: { trustedProxies: ['10.0.0.0/8', '::1'] },
  },
  {
    name: 'networks of identity providers',
    env: { ENTREPOT_EGRESS_ALLOW: '10.1.0.0/16,::1' },
    want: { egressAllow: ['10.1.0.0/16', '::1'] },
  },
  {
    name: 'a certificate',
    env: { ENTREPOT_TLS_CERT: 'a.pem', ENTREPOT_TLS_KEY: 'b.pem' },
    want: { tls: { certFile: 'a.pem', keyFile: 'b.pem' } },
  },
  {
    name: 'S3 with a key',
    env: { ...s3, ...key, ENTREPOT_S3_FORCE_PATH_STYLE: 'true', ENTREPOT_S3_ENDPOINT: 'http://127.0.0.1:7070' },
    want: {
      s3: {
        bucket: 'blobs',
        region: 'us-east-1',
        endpoint: 'http://127.0.0.1:7070',
        accessKeyId: 'id',
        forcePathStyle: true,
      },
    },
  },
  {
    name: 'advisories of a mirror',
    env: {
      ENTREPOT_ADVISORY_SOURCES: 'auto,osv:Rocky Linux,alpine:v3.20',
      ENTREPOT_ADVISORY_MIRROR: 'http://10.0.0.1/a',
      ENTREPOT_ADVISORY_HOURS: '24',
    },
    want: {
      advisories: {
        sources: ['auto', 'osv:Rocky Linux', 'alpine:v3.20'],
        mirror: 'http://10.0.0.1/a',
        folder: null,
        everyMs: 24 * HOUR,
        staleMs: 72 * HOUR,
      },
    },
  },
  {
    name: 'advisories of a folder: nothing is fetched',
    env: { ENTREPOT_ADVISORY_FOLDER: 'stick' },
    want: { advisories: { sources: [], mirror: null, folder: '/srv/stick', everyMs: 6 * HOUR, staleMs: 72 * HOUR } },
  },
  {
    name: 'no advisories',
    env: { ENTREPOT_ADVISORY_SOURCES: 'none' },
    want: { advisories: { sources: [], mirror: null, folder: null, everyMs: 6 * HOUR, staleMs: 72 * HOUR } },
  },
  {
    name: 'a file with settings',
    env: { ENTREPOT_CONFIG: 'good.json' },
    want: { listen: { host: '0.0.0.0', port: 80 }, locations: [{ id: 'es/vit', between: null }], quarantineDays: 1.5 },
  },
  {
    name: 'a variable wins over the file',
    env: { ENTREPOT_CONFIG: 'good.json', ENTREPOT_LISTEN: '127.0.0.1:81' },
    want: { listen: { host: '127.0.0.1', port: 81 }, quarantineDays: 1.5 },
  },
  {
    name: 'what commands that act on a server read',
    env: {
      ENTREPOT_URL: 'https://registry.example.com',
      ENTREPOT_API_KEY: 'entk_x',
      ENTREPOT_CONTRACT: '2',
      ENTREPOT_CA: '/ca.pem',
    },
    want: { publicUrl: null },
  },
  {
    name: 'what Kubernetes puts into every pod next to a Service called entrepot',
    env: {
      ENTREPOT_SERVICE_HOST: '10.0.0.1',
      ENTREPOT_SERVICE_PORT: '5000',
      ENTREPOT_SERVICE_PORT_HTTP: '5000',
      ENTREPOT_PORT: 'tcp://10.0.0.1:5000',
      ENTREPOT_PORT_5000_TCP: 'tcp://10.0.0.1:5000',
      ENTREPOT_PORT_5000_TCP_ADDR: '10.0.0.1',
    },
    want: { listen: { host: '127.0.0.1', port: 5000 } },
  },
]

for (const { name, env, want } of accepted) {
  test(`loadConfig: ${name}`, () => {
    const config = loadConfig(env, surroundings)
    for (const [setting, value] of Object.entries(want))
      assert.deepEqual(config[setting as keyof Config], value, setting)
  })
}

const refused: { name: string; env: Env; says: RegExp }[] = [
  {
    name: 'a misspelt variable',
    env: { ENTREPOT_LISTN: 'x:1' },
    says: /^ENTREPOT_LISTN is not a setting: did you mean ENTREPOT_LISTEN\?$/,
  },
  {
    name: 'a variable like none',
    env: { ENTREPOT_FLUX_CAPACITOR: '1' },
    says: /FLUX_CAPACITOR is not a setting; entrepot config schema/,
  },
  { name: 'a port alone', env: { ENTREPOT_PORT: '5000' }, says: /ENTREPOT_PORT is not a setting/ },
  {
    name: 'a misspelt key',
    env: { ENTREPOT_CONFIG: 'typo.json' },
    says: /"lisen" in typo\.json is not a setting: did you mean listen\?/,
  },
  {
    name: 'a key of the wrong type',
    env: { ENTREPOT_CONFIG: 'wrong.json' },
    says: /"workers" in wrong\.json = "4" is not valid: write a whole number/,
  },
  {
    name: 'a file that is not there',
    env: { ENTREPOT_CONFIG: 'none.json' },
    says: /ENTREPOT_CONFIG = none\.json cannot be read as JSON: ENOENT/,
  },
  {
    name: 'a file that is no JSON',
    env: { ENTREPOT_CONFIG: 'broken.json' },
    says: /broken\.json cannot be read as JSON/,
  },
  { name: 'a file with a list', env: { ENTREPOT_CONFIG: 'list.json' }, says: /must hold one JSON object/ },
  {
    name: 'an address without a port',
    env: { ENTREPOT_LISTEN: 'localhost' },
    says: /ENTREPOT_LISTEN = "localhost" is not valid: write host:port/,
  },
  { name: 'a port that does not exist', env: { ENTREPOT_LISTEN: 'localhost:70000' }, says: /ports end at 65535/ },
  {
    name: 'a public URL with a path',
    env: { ENTREPOT_PUBLIC_URL: 'https://a/b' },
    says: /PUBLIC_URL = "https:\/\/a\/b" is not valid/,
  },
  { name: 'no location', env: { ENTREPOT_LOCATIONS: ',' }, says: /LOCATIONS = \["",""\] is not valid/ },
  { name: 'a location twice', env: { ENTREPOT_LOCATIONS: 'de/fra,de/fra=x' }, says: /names de\/fra twice/ },
  {
    name: 'a proxy that is a name',
    env: { ENTREPOT_TRUSTED_PROXIES: 'proxy' },
    says: /"proxy" is neither an IP address/,
  },
  { name: 'a network that is too long', env: { ENTREPOT_TRUSTED_PROXIES: '10.0.0.0/33' }, says: /"10\.0\.0\.0\/33"/ },
  { name: 'half a worker', env: { ENTREPOT_WORKERS: '0.5' }, says: /WORKERS = 0\.5 is not valid/ },
  {
    name: 'an answer that is neither yes nor no',
    env: { ...s3, ...key, ENTREPOT_S3_FORCE_PATH_STYLE: 'maybe' },
    says: /FORCE_PATH_STYLE = "maybe"/,
  },
  {
    name: 'PostgreSQL without a master key',
    env: { ENTREPOT_DATABASE_URL: 'postgres://db/x' },
    says: /DATABASE_URL given without ENTREPOT_MASTER_KEY.*openssl rand/,
  },
  { name: 'S3 without a master key', env: s3, says: /ENTREPOT_S3_BUCKET.* given without ENTREPOT_MASTER_KEY/ },
  {
    name: 'half of S3',
    env: { ...key, ENTREPOT_S3_BUCKET: 'b' },
    says: /S3_BUCKET given without ENTREPOT_S3_REGION, ENTREPOT_S3_ACCESS_KEY_ID, ENTREPOT_S3_SECRET/,
  },
  {
    name: 'an S3 endpoint alone',
    env: { ...key, ENTREPOT_S3_ENDPOINT: 'http://x' },
    says: /S3_ENDPOINT given without ENTREPOT_S3_BUCKET/,
  },
  {
    name: 'a certificate without its key',
    env: { ENTREPOT_TLS_CERT: 'a' },
    says: /TLS_CERT given without ENTREPOT_TLS_KEY/,
  },
  {
    name: 'a source of advisories that is none',
    env: { ENTREPOT_ADVISORY_SOURCES: 'auto,osv:../x' },
    says: /ADVISORY_SOURCES = \["auto","osv:\.\.\/x"\] is not valid: write auto, none, or sources/,
  },
  {
    name: 'sources of advisories beside none',
    env: { ENTREPOT_ADVISORY_SOURCES: 'none,kev' },
    says: /ADVISORY_SOURCES = "none,kev" is not valid: none stands alone/,
  },
  {
    name: 'a database that is not PostgreSQL',
    env: { ...key, ENTREPOT_DATABASE_URL: 'mysql://u:sesame@x' },
    says: /^ENTREPOT_DATABASE_URL is not valid: write postgres/,
  },
]

for (const { name, env, says } of refused) {
  test(`loadConfig refuses ${name}`, () => {
    assert.throws(
      () => loadConfig(env, surroundings),
      (error) => (error instanceof ConfigError && says.test(error.message)) || assert.fail(String(error)),
    )
  })
}

test('loadConfig names all problems at once', () => {
  const env = { ENTREPOT_LISTN: 'x', ENTREPOT_WORKERS: 'many', ENTREPOT_DOMAIN: 'UPPER' }
  assert.throws(
    () => loadConfig(env, surroundings),
    (error) => error instanceof ConfigError && error.problems.length === 3,
  )
})

test('secrets are never printed', () => {
  const env = { ...s3, ...key, ENTREPOT_DATABASE_URL: 'postgres://u:sesame@h/d', ENTREPOT_ADMIN_PASSWORD: 'swordfish' }
  const config = loadConfig(env, surroundings)
  const given = readSettings(env, surroundings.readFile)
  const printed = [
    JSON.stringify(config),
    inspect(config, { depth: 9 }),
    printSettings(given),
    JSON.stringify(settingsAsJson(given)),
  ].join()
  for (const secret of ['hush', 'AAAA', 'sesame', 'swordfish']) assert.ok(!printed.includes(secret), secret)
  assert.equal(config.secrets.databaseUrl, 'postgres://u:sesame@h/d')
  assert.match(printed, /ENTREPOT_MASTER_KEY +set, not shown {2}\(environment\)/)
})

test('every setting is documented and has a variable', () => {
  const document = documentSettings()
  for (const name of SETTING_NAMES) assert.ok(document.includes(`${variableOf(name)}   ("${name}" in a file)`), name)
  assert.equal(variableOf('s3SecretAccessKey'), 'ENTREPOT_S3_SECRET_ACCESS_KEY')
  assert.equal(Object.keys((settingsSchema() as { properties: object }).properties).length, SETTING_NAMES.length)
})
