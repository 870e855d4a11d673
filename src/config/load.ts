import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import type { AdvisorySettings, Config, HostPort, Location, S3Settings, Secrets } from './config.ts'
import { ConfigError } from './config.ts'
import type { Environment } from './read-settings.ts'
import { readSettings } from './read-settings.ts'
import type { SettingName, Settings } from './schema.ts'
import { variableOf } from './schema.ts'

/** What the machine says; a test brings its own. */
export interface Surroundings {
  readonly directory: string
  readonly cores: number
  readFile(path: string): string
}

const HERE: Surroundings = {
  get directory() {
    return process.cwd()
  },
  get cores() {
    return availableParallelism()
  },
  readFile: (path) => readFileSync(path, 'utf8'),
}

/** @throws ConfigError with every problem at once. */
export function loadConfig(env: Environment, surroundings: Surroundings = HERE): Config {
  const { values } = readSettings(env, surroundings.readFile)
  const problems = contradictions(values)
  const config = toConfig(values, surroundings, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function toConfig(values: Settings, { directory, cores }: Surroundings, problems: string[]): Config {
  return {
    listen: toHostPort('listen', values.listen ?? '', problems),
    data: resolve(directory, values.data ?? './data'),
    publicUrl: values.publicUrl ? new URL(values.publicUrl).origin : null,
    domain: values.domain ?? null,
    locations: toLocations(values.locations ?? [], problems),
    tls: values.tlsCert && values.tlsKey ? { certFile: values.tlsCert, keyFile: values.tlsKey } : null,
    trustedProxies: toNetworks('trustedProxies', values.trustedProxies ?? [], problems),
    egressAllow: toNetworks('egressAllow', values.egressAllow ?? [], problems),
    metricsListen: values.metricsListen ? toHostPort('metricsListen', values.metricsListen, problems) : null,
    workers: values.workers ?? Math.max(1, cores),
    logFormat: values.logFormat ?? 'auto',
    s3: toS3(values),
    advisories: toAdvisories(values, directory, problems),
    adminEmail: values.adminEmail ?? null,
    ...limitsOf(values),
    secrets: toSecrets(values),
  }
}

/** The defaults are the schema's: `readSettings` filled them in. */
function limitsOf(values: Settings) {
  const {
    maxManifestBytes,
    uploadIdleHours,
    leaseHours,
    quarantineDays,
    segmentCacheBytes,
    minFreeBytes,
    stallSeconds,
    jwtSeconds,
  } = values as Required<Settings>
  return {
    maxManifestBytes,
    uploadIdleHours,
    leaseHours,
    quarantineDays,
    segmentCacheBytes,
    minFreeBytes,
    stallSeconds,
    jwtSeconds,
  }
}

function toSecrets(values: Settings): Secrets {
  const secrets: Secrets = {
    masterKey: values.masterKey ?? null,
    databaseUrl: values.databaseUrl ?? null,
    s3SecretAccessKey: values.s3SecretAccessKey ?? null,
    adminPassword: values.adminPassword ?? null,
  }
  const placeholder = { value: () => '[secrets]', enumerable: false }
  return Object.defineProperties(secrets, { toJSON: placeholder, [inspect.custom]: placeholder })
}

function toS3(values: Settings): S3Settings | null {
  if (!values.s3Bucket || !values.s3Region || !values.s3AccessKeyId) return null
  return {
    bucket: values.s3Bucket,
    region: values.s3Region,
    endpoint: values.s3Endpoint ?? null,
    accessKeyId: values.s3AccessKeyId,
    forcePathStyle: values.s3ForcePathStyle ?? false,
  }
}

const HOUR_MS = 3_600_000

function toAdvisories(values: Settings, directory: string, problems: string[]): AdvisorySettings {
  const { advisorySources, advisoryMirror, advisoryFolder, advisoryHours = 6, advisoryStaleHours = 72 } = values
  const sources = advisorySources ?? [advisoryFolder ? 'none' : 'auto']
  if (sources.includes('none') && sources.length > 1)
    problems.push(`${variableOf('advisorySources')} = "${sources.join(',')}" is not valid: none stands alone`)
  return {
    sources: sources.filter((source) => source !== 'none'),
    mirror: advisoryMirror ?? null,
    folder: advisoryFolder ? resolve(directory, advisoryFolder) : null,
    everyMs: advisoryHours * HOUR_MS,
    staleMs: advisoryStaleHours * HOUR_MS,
  }
}

function toHostPort(name: SettingName, value: string, problems: string[]): HostPort {
  const colon = value.lastIndexOf(':')
  const port = Number(value.slice(colon + 1))
  if (port > 65535) problems.push(`${variableOf(name)} = "${value}" is not valid: ports end at 65535`)
  const host = value.slice(0, colon)
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port }
}

function toLocations(values: readonly string[], problems: string[]): Location[] {
  const locations = values.map((value) => {
    const [id = '', between = null] = value.split('=')
    return { id, between }
  })
  const twice = locations.find(({ id }, index) => locations.findIndex((other) => other.id === id) !== index)
  if (twice) problems.push(`${variableOf('locations')} names ${twice.id} twice: write each location once`)
  return locations
}

function toNetworks(name: SettingName, values: readonly string[], problems: string[]): string[] {
  for (const value of values) {
    const [address = '', length = '0', ...rest] = value.split('/')
    const bits = { 4: 32, 6: 128 }[isIP(address)] ?? -1
    if (rest.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bits) {
      problems.push(`${variableOf(name)}: "${value}" is neither an IP address nor a network such as 10.0.0.0/8`)
    }
  }
  return [...values]
}

const S3_NEEDS = ['s3Bucket', 's3Region', 's3AccessKeyId', 's3SecretAccessKey'] as const
const S3_ANY = [...S3_NEEDS, 's3Endpoint'] as const

/** Settings that do not go together. */
function contradictions(values: Settings): string[] {
  const problems: string[] = []
  const s3Given = S3_ANY.filter((name) => values[name] !== undefined)
  const s3Missing = S3_NEEDS.filter((name) => values[name] === undefined)
  if (s3Given.length > 0 && s3Missing.length > 0) {
    problems.push(`${names(s3Given)} given without ${names(s3Missing)}: blobs in S3 need all of ${names(S3_NEEDS)}`)
  }
  const scaled = [...(values.databaseUrl ? ['databaseUrl' as const] : []), ...s3Given]
  if (scaled.length > 0 && values.masterKey === undefined) {
    problems.push(
      `${names(scaled)} given without ${variableOf('masterKey')}: what several machines share is not encrypted by a key that lies on ` +
        `one of them. Make one (${'openssl rand -base64 32'}), keep a copy elsewhere, and give the same to every node`,
    )
  }
  if ((values.tlsCert === undefined) !== (values.tlsKey === undefined)) {
    const [given, missing] = values.tlsCert ? (['tlsCert', 'tlsKey'] as const) : (['tlsKey', 'tlsCert'] as const)
    problems.push(`${variableOf(given)} given without ${variableOf(missing)}: HTTPS needs both files`)
  }
  return problems
}

function names(list: readonly SettingName[]): string {
  return list.map(variableOf).join(', ')
}
