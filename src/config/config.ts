import type { SettingName, Settings } from './schema.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface Location {
  /** `de/fra`, as the management API names it. */
  readonly id: string
  /** Labels between the registry and the domain, or null. */
  readonly between: string | null
}

export interface S3Settings {
  readonly bucket: string
  readonly region: string
  /** null: Amazon's own for the region. */
  readonly endpoint: string | null
  readonly accessKeyId: string
  readonly forcePathStyle: boolean
}

export interface AdvisorySettings {
  /** Words of feed-list.ts, and `auto`. None: nothing is fetched. */
  readonly sources: readonly string[]
  /** null: the publishers. */
  readonly mirror: string | null
  /** Absolute. */
  readonly folder: string | null
  readonly everyMs: number
  readonly staleMs: number
}

/** Never printed: JSON and `console.log` show a placeholder. */
export interface Secrets {
  readonly masterKey: string | null
  readonly databaseUrl: string | null
  readonly s3SecretAccessKey: string | null
  readonly adminPassword: string | null
}

/** What `compose` reads. No room asks for it: each is given the values it needs. */
export interface Config {
  readonly listen: HostPort
  /** Absolute. */
  readonly data: string
  /** Origin without a trailing slash, or null: what the request says. */
  readonly publicUrl: string | null
  readonly domain: string | null
  readonly locations: readonly Location[]
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
  readonly trustedProxies: readonly string[]
  readonly egressAllow: readonly string[]
  readonly metricsListen: HostPort | null
  readonly workers: number
  readonly logFormat: 'auto' | 'json' | 'text'
  readonly s3: S3Settings | null
  readonly advisories: AdvisorySettings
  readonly adminEmail: string | null
  readonly maxManifestBytes: number
  readonly uploadIdleHours: number
  readonly leaseHours: number
  readonly quarantineDays: number
  readonly segmentCacheBytes: number
  readonly minFreeBytes: number
  readonly stallSeconds: number
  readonly jwtSeconds: number
  readonly secrets: Secrets
}

export type Source = 'default' | 'environment' | 'file'

/** The settings as given, before they become a `Config`; what `entrepot config` prints. */
export interface GivenSettings {
  readonly values: Settings
  readonly sources: Readonly<Partial<Record<SettingName, Source>>>
}

/** Everything that is wrong, each problem a sentence that names the setting and says what to write. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
