import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'

/** What a setting says about itself besides its JSON schema. */
export interface About {
  /** For the reader of `entrepot config schema`: what it decides, in which unit. */
  readonly description: string
  /** How a right value looks; ends the sentence of the error: "… is not valid: write <expects>". */
  readonly expects: string
  /** Never printed; kept apart from the other values. */
  readonly secret?: boolean
  readonly default?: unknown
}

const text = (about: About, pattern = '^\\S(.*\\S)?$') => Type.Optional(Type.String({ pattern, ...about }))
const whole = (about: About, minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Optional(Type.Integer({ minimum, maximum, ...about }))
const number = (about: About, minimum: number, maximum: number) =>
  Type.Optional(Type.Number({ minimum, maximum, ...about }))

const HOST_PORT = '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):[0-9]{1,5}$'
const LABELS = '[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*'
const MIB = 1024 * 1024

const serving = {
  listen: text(
    {
      description: 'Address and port of the registry and its API.',
      expects: 'host:port, such as 127.0.0.1:5000, 0.0.0.0:5000 or [::]:5000',
      default: '127.0.0.1:5000',
    },
    HOST_PORT,
  ),
  data: text({
    description: 'Directory for the database, the blobs, the master key and local caches.',
    expects: 'a directory',
    default: './data',
  }),
  publicUrl: text(
    {
      description:
        'How clients reach this service, when that differs from the address it listens on: links, login hints and ' +
        'the token realm are made with it. Images are named <its host>/<registry>/<repository>:<tag>.',
      expects: 'scheme and host without a path, such as https://registry.example.com',
    },
    '^https?://[^/?#@\\s]+/?$',
  ),
  domain: text(
    {
      description:
        'A domain whose sub-domains are the registries (wildcard DNS and certificate): <registry>.<domain>/<repository>:<tag> works then too.',
      expects: 'a lower-case DNS name, such as registry.example.com',
    },
    `^${LABELS}$`,
  ),
  locations: Type.Optional(
    Type.Array(Type.String({ pattern: `^[a-z0-9-]+/[a-z0-9-]+(=${LABELS})?$`, maxLength: 200 }), {
      minItems: 1,
      maxItems: 100,
      description:
        'Locations a registry may be created in; the first is the default. With =labels, those stand between the ' +
        'registry and the domain: de/fra=cr.de-fra gives <registry>.cr.de-fra.<domain>.',
      expects: '<country>/<city>, separated by commas, each optionally with =labels, such as de/fra,es/vit=cr.es-vit',
      default: ['de/fra'],
    }),
  ),
  tlsCert: text({
    description: 'PEM file with the certificate and its chain; read again when it changes. Needs tlsKey.',
    expects: 'the path of a PEM file',
  }),
  tlsKey: text({
    description: 'PEM file with the private key of tlsCert; read again when it changes.',
    expects: 'the path of a PEM file',
  }),
  trustedProxies: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 100,
      description: 'Proxies whose X-Forwarded-* headers are believed. Empty: none, the peer is the client.',
      expects: 'IP addresses or networks separated by commas, such as 10.0.0.0/8,::1',
      default: [],
    }),
  ),
  egressAllow: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 100,
      description:
        'Networks that are not public (loopback, private, link-local …) and that requests going out may reach all the same, by ' +
        'http too: where your own identity provider is, for example. All other such requests go to public addresses by https.',
      expects: 'IP addresses or networks separated by commas, such as 10.1.2.3,192.168.0.0/16',
      default: [],
    }),
  ),
  metricsListen: text(
    {
      description:
        'Address and port of a listener of its own for /metrics, without credentials. Without it /metrics on the ' +
        'main listener asks for those of an owner of contract 1.',
      expects: 'host:port, such as 127.0.0.1:9090',
    },
    HOST_PORT,
  ),
  workers: whole(
    {
      description: 'Processes that answer requests. Default: one per processor core.',
      expects: 'a whole number from 1 to 256',
    },
    1,
    256,
  ),
  logFormat: Type.Optional(
    Type.Enum(['auto', 'json', 'text'], {
      description: 'json: one JSON object per line; text: for people; auto: text on a terminal, else json.',
      expects: 'auto, json or text',
      default: 'auto',
    }),
  ),
}

const stores = {
  databaseUrl: text(
    {
      description: 'PostgreSQL 14 or newer instead of the embedded database. Needs masterKey.',
      expects: 'postgres://user:password@host:5432/database',
      secret: true,
    },
    '^postgres(ql)?://\\S+$',
  ),
  s3Bucket: text({
    description: 'S3 bucket for the blobs instead of files. Needs the other s3 settings and masterKey.',
    expects: 'the name of a bucket',
  }),
  s3Endpoint: text(
    {
      description: 'Where the S3 service is, when it is not the one of Amazon.',
      expects: 'a URL, such as https://s3.example.com',
    },
    '^https?://\\S+$',
  ),
  s3Region: text({
    description: 'Region of the bucket.',
    expects: 'a region, such as eu-central-1 (many servers take us-east-1)',
  }),
  s3AccessKeyId: text({ description: 'Access key of the bucket.', expects: 'the id of an access key' }),
  s3SecretAccessKey: text({
    description: 'Secret of that access key.',
    expects: 'the secret of the access key',
    secret: true,
  }),
  s3ForcePathStyle: Type.Optional(
    Type.Boolean({
      description: 'Bucket in the path instead of the host name: what most servers other than that of Amazon want.',
      expects: 'true or false',
      default: false,
    }),
  ),
  masterKey: text({
    description:
      'The key that wraps all others. Required with databaseUrl or s3Bucket; otherwise made at first start and kept in the data ' +
      'directory. Without it nothing that was stored can be read: keep a copy elsewhere.',
    expects: '32 random bytes in base64 or hexadecimal: openssl rand -base64 32',
    secret: true,
  }),
}

const SOURCE = '(auto|none|debian|kev|epss|alpine:(edge|v[0-9]{1,3}[.][0-9]{1,3})|osv:[A-Za-z][A-Za-z0-9 .-]{0,60})'

const advisories = {
  advisorySources: Type.Optional(
    Type.Array(Type.String({ pattern: `^${SOURCE}$` }), {
      minItems: 1,
      maxItems: 200,
      description:
        'Whose advisories are fetched, to judge images by. auto: of the distributions and languages that scanned images here hold, and ' +
        'KEV and EPSS; nobody is asked anything before an image is scanned. none: nothing is fetched; entrepot advisories import and ' +
        'advisoryFolder remain. Requests go to the publishers by https, or to advisoryMirror. Default: auto, or none where ' +
        'advisoryFolder is set.',
      expects: 'auto, none, or sources separated by commas, such as auto,osv:npm,alpine:v3.22,debian,kev,epss',
    }),
  ),
  advisoryMirror: text(
    {
      description:
        'Where all advisories are fetched from instead of their publishers: osv/<ecosystem>/all.zip (and modified_id.csv, <id>.json), ' +
        'alpine/<branch>/main.json and community.json, debian.json, kev.json, epss.csv.gz. List its network in egressAllow unless it is ' +
        'a public one reached by https.',
      expects: 'a URL, such as https://mirror.example.com/advisories',
    },
    '^https?://[^?#@\\s]+$',
  ),
  advisoryFolder: text({
    description:
      'A folder with files of advisories, for closed networks: everything in it is taken in when a file is new or another one, as ' +
      'entrepot advisories import does. Of several nodes each needs to see the same.',
    expects: 'the path of a folder',
  }),
  advisoryHours: number(
    {
      description: 'How often each source is asked for news; one that fails is asked again earlier, ever less often.',
      expects: 'hours, from 0.1 to 720',
      default: 6,
    },
    0.1,
    720,
  ),
  advisoryStaleHours: number(
    {
      description:
        'A source that was not heard of for longer is stale: the log warns of it daily, and lists, metrics and reports say so.',
      expects: 'hours, from 1 to 87600',
      default: 72,
    },
    1,
    87_600,
  ),
}

const people = {
  adminEmail: text(
    { description: 'E-mail of the first owner; first start only.', expects: 'an e-mail address' },
    '^[^\\s@]+@[^\\s@]+$',
  ),
  adminPassword: text(
    {
      description: 'Password of the first owner; first start only. Without it one is made and shown once.',
      expects: 'a password',
      secret: true,
    },
    '^[^\\r\\n]+$',
  ),
}

const limits = {
  maxManifestBytes: whole(
    { description: 'Largest manifest that may be pushed.', expects: 'bytes, from 65536 to 67108864', default: 4 * MIB },
    64 * 1024,
    64 * MIB,
  ),
  uploadIdleHours: number(
    {
      description: 'An upload without a byte for this long is given up.',
      expects: 'hours, from 1 to 720',
      default: 24,
    },
    1,
    720,
  ),
  leaseHours: number(
    {
      description: 'How long what a client was told it need not upload is kept without anything referring to it.',
      expects: 'hours, from 1 to 720',
      default: 48,
    },
    1,
    720,
  ),
  quarantineDays: number(
    {
      description: 'How long what was deleted can be restored before it is destroyed.',
      expects: 'days, from 0 to 3650',
      default: 7,
    },
    0,
    3650,
  ),
  segmentCacheBytes: whole(
    {
      description: 'Memory for decrypted pieces of hot blobs, over all processes.',
      expects: 'bytes, 0 for none',
      default: 128 * MIB,
    },
    0,
  ),
  minFreeBytes: whole(
    {
      description: 'Uploads are refused while less is free on the disk, so that the database can go on.',
      expects: 'bytes, 0 to never refuse',
      default: 256 * MIB,
    },
    0,
  ),
  stallSeconds: number(
    {
      description: 'A client that neither sends nor takes a byte for this long is disconnected.',
      expects: 'seconds, from 1 to 3600',
      default: 60,
    },
    1,
    3600,
  ),
  jwtSeconds: whole(
    {
      description: 'How long a bearer token of the registry is valid.',
      expects: 'seconds, from 60 to 3600',
      default: 300,
    },
    60,
    3600,
  ),
}

/** Every setting there is, as a configuration file holds it. ENTREPOT_PUBLIC_URL is `publicUrl`, and so on. */
export const Settings = Type.Object(
  { ...serving, ...stores, ...advisories, ...people, ...limits },
  { additionalProperties: false },
)

export type Settings = Static<typeof Settings>
export type SettingName = keyof Settings

/** The one variable that is not a setting: the file with settings. */
export const CONFIG_VARIABLE = 'ENTREPOT_CONFIG'

export const SETTING_NAMES = Object.keys(Settings.properties) as readonly SettingName[]

export function schemaOf(name: SettingName): TSchema & About {
  return Settings.properties[name] as unknown as TSchema & About
}

/** `publicUrl` → `ENTREPOT_PUBLIC_URL`. */
export function variableOf(name: SettingName): string {
  return `ENTREPOT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}
