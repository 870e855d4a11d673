import { randomUUID } from 'node:crypto'
import type { Accounts } from './accounts/accounts.ts'
import { createAccounts } from './accounts/accounts.ts'
import type { Refusals } from './audit/audit.ts'
import { audit, createRefusals } from './audit/audit.ts'
import type { AuditLog } from './audit/audit-log.ts'
import { createAuditLog } from './audit/audit-log.ts'
import type { AuthRoom } from './auth/auth.ts'
import { createAuth } from './auth/auth.ts'
import type { Backup } from './backup/backup.ts'
import { createBackup } from './backup/backup.ts'
import { openFsBlobStore } from './blobs/fs.ts'
import { MARKER_ID } from './check/store-marker.ts'
import type { Config } from './config/config.ts'
import type { Contents } from './contents/contents.ts'
import { createContents } from './contents/contents.ts'
import type { RegistryEvent } from './domain/event.ts'
import type { Cursors } from './doors/cursors.ts'
import { createCursors } from './doors/cursors.ts'
import { createFeedsOn } from './feeds-of.ts'
import type { Gc } from './gc/gc.ts'
import { createGc } from './gc/gc.ts'
import { createEgress } from './http/egress.ts'
import type { Jobs } from './jobs/jobs.ts'
import { createJobs } from './jobs/jobs.ts'
import type { Transaction } from './metadata/metadata-store.ts'
import { repositoryAddress } from './metadata/tables/repositories.ts'
import type { Stores } from './open-stores.ts'
import type { Naming } from './registries/hostname.ts'
import { reservedNames } from './registries/hostname.ts'
import type { Registries } from './registries/registries.ts'
import { createRegistries } from './registries/registries.ts'
import { BlobReader } from './registry/blob-reader.ts'
import { createRegistry } from './registry/create-registry.ts'
import { DayCounts } from './registry/day-counts.ts'
import { DEFAULT_LIMITS } from './registry/deps.ts'
import { refuseWhenFull } from './registry/low-disk.ts'
import { ManifestCache } from './registry/manifest-cache.ts'
import { PullCounts } from './registry/pull-counts.ts'
import type { Registry } from './registry/registry.ts'
import { RunningHashes } from './registry/running-hashes.ts'
import { SeenManifests } from './registry/seen-manifests.ts'
import type { AdvisoryFeeds } from './scans/advisory-feeds.ts'
import type { Scans } from './scans/scans.ts'
import type { SnapshotFiles } from './scans-of.ts'
import { createScansOn, SNAPSHOT_FILES } from './scans-of.ts'
import type { Sso } from './sso/sso.ts'
import { createSso } from './sso/sso.ts'
import type { Log } from './telemetry/log.ts'
import type { Usage } from './usage/usage.ts'
import { createUsage } from './usage/usage.ts'
import { programVersion } from './version.ts'

/** Rank 2, bound to one installation: what a server and a command at the machine both act with. */
export interface Rooms {
  readonly naming: Naming
  readonly auth: AuthRoom
  readonly accounts: Accounts
  readonly sso: Sso
  readonly registries: Registries
  readonly contents: Contents
  readonly registry: Registry
  readonly gc: Gc
  readonly usage: Usage
  readonly scans: Scans
  readonly feeds: AdvisoryFeeds
  readonly backup: Backup
  readonly refusals: Refusals
  readonly auditLog: AuditLog
  readonly jobs: Jobs
  readonly pulls: PullCounts
  readonly days: DayCounts
  readonly reader: BlobReader
  readonly cursors: Cursors
}

const HOUR_MS = 3_600_000
/** What identity providers say: descriptions, keys and tokens, of some kilobytes, while somebody waits. */
const SIGN_ON_BOUNDS = { timeoutMs: 10_000, maxBytes: 1024 * 1024 }
/** What one request may look for a page of a list. */
const LIST_PATIENCE_MS = 2_000
/** Decrypted manifests, per process: some thousand usual ones. */
const MANIFEST_CACHE_BYTES = 8 * 1024 * 1024

/** What a test puts in the place of what a server has. */
export interface RoomPorts {
  /** The clock of everything that is not the database's. */
  readonly now?: () => number
  readonly snapshotFiles?: SnapshotFiles
}

/** Wires the rooms by hand. */
export function createRooms(stores: Stores, config: Config, log: Log, ports: RoomPorts = {}): Rooms {
  const { now = Date.now, snapshotFiles = SNAPSHOT_FILES } = ports
  const { metadata, keys } = stores
  const naming: Naming = { publicUrl: config.publicUrl, domain: config.domain, locations: config.locations }
  const refusals = createRefusals({ metadata, now })
  const secrets = { seal: keys.sealSecret, open: keys.openSecret, hold: keys.holdMasterKey }
  const auth = createAuth({
    metadata,
    secrets,
    now,
    refused: refusals.note,
    domain: config.domain,
    bearerLifetimeSeconds: config.jwtSeconds,
  })
  const accounts = createAccounts({
    metadata,
    hashPassword: auth.hashPassword,
    provePassword: auth.provePassword,
    audit,
    newId: randomUUID,
    quarantineDays: config.quarantineDays,
  })
  const sso = ssoOf(stores, config, { secrets, now, refused: refusals.note })
  const registries = createRegistries({
    metadata,
    keys: { prepare: keys.newDataKey, insert: keys.insert },
    newId: randomUUID,
    locations: config.locations.map(({ id }) => id),
    reservedNames: reservedNames(naming),
    quarantineDays: config.quarantineDays,
    scanExisting: (sql, registryId) => scans.switchedOn(sql, registryId),
    storageReady: () => storageAnswers(stores),
    later: (act) => void act().catch((error: unknown) => log.error({ err: error }, 'registry not settled')),
  })
  const { quarantineDays } = config
  const contents = createContents({
    metadata,
    quarantineDays,
    stopwatch: () => performance.now(),
    patienceMs: LIST_PATIENCE_MS,
  })
  const gc = createGc({ metadata, blobs: stores.blobs, uploadIdleMs: config.uploadIdleHours * HOUR_MS })
  const usage = createUsage({ metadata })
  const plane: DataPlane = dataPlane(stores, config, now, usage.roomIn, () => scans)
  const scans = createScansOn(metadata, plane.registry, config, snapshotFiles)
  return {
    naming,
    cursors: createCursors(keys.deriveKey('cursors/v1')),
    auth,
    accounts,
    sso,
    registries,
    contents,
    gc,
    usage,
    backup: backupOf(stores, config, now),
    refusals,
    auditLog: createAuditLog({ metadata }),
    jobs: createJobs({ metadata, audit }),
    scans,
    feeds: createFeedsOn(metadata, scans, config, log),
    ...plane,
  }
}

function ssoOf(
  { metadata, keys }: Stores,
  config: Config,
  more: Pick<Parameters<typeof createSso>[0], 'secrets' | 'now' | 'refused'>,
): Sso {
  return createSso({
    ...more,
    metadata,
    egress: createEgress({ ...SIGN_ON_BOUNDS, allow: config.egressAllow }),
    flowKey: () => keys.deriveKey('sso-flow/v1'),
    audit,
    newId: randomUUID,
  })
}

function backupOf({ metadata, blobs, keys }: Stores, config: Config, now: () => number): Backup {
  return createBackup({
    metadata,
    blobs,
    installation: keys.installation,
    key: keys.snapshotKey,
    confirmKey: keys.confirmMasterKey,
    program: programVersion(),
    openFolder: (directory) => openFsBlobStore({ directory }),
    refuseWhenFull: refuseWhenFull(blobs, config.minFreeBytes, now),
    now,
  })
}

type DataPlane = Pick<Rooms, 'registry' | 'pulls' | 'days' | 'reader'>

function dataPlane(
  stores: Stores,
  config: Config,
  now: () => number,
  roomIn: Usage['roomIn'],
  scans: () => Scans,
): DataPlane {
  const { metadata, blobs, keys } = stores
  const reader = new BlobReader(blobs, keys, Math.floor(config.segmentCacheBytes / config.workers))
  const pulls = new PullCounts((sql, manifestIds) => scans().pulled(sql, manifestIds))
  const days = new DayCounts()
  const registry = createRegistry({
    metadata,
    blobs,
    keyring: keys,
    limits: {
      ...DEFAULT_LIMITS,
      maxManifestBytes: config.maxManifestBytes,
      leaseMs: config.leaseHours * HOUR_MS,
      renewLeaseBelowMs: (config.leaseHours * HOUR_MS) / 2,
      quarantineMs: config.quarantineDays * 24 * HOUR_MS,
    },
    reader,
    manifests: new ManifestCache(keys, MANIFEST_CACHE_BYTES),
    seen: new SeenManifests(metadata),
    pulls,
    days,
    hashes: new RunningHashes(),
    onEvent: (sql, event) => recordEvent(sql, event, scans()),
    onUpload: (registryId) => scans().uploading(registryId),
    refuseWhenFull: refuseWhenFull(blobs, config.minFreeBytes, now),
    roomIn,
  })
  return { registry, pulls, days, reader }
}

const ACTIONS = {
  manifest_pushed: 'manifest.push',
  manifest_deleted: 'manifest.delete',
  tag_deleted: 'tag.delete',
  blob_deleted: 'blob.delete',
} as const satisfies Record<RegistryEvent['kind'], string>

/** What happens on the data plane is audited, and scanned later, in its own transaction; webhooks will be told here too. */
async function recordEvent(sql: Transaction, event: RegistryEvent, scans: Scans): Promise<void> {
  if (event.kind === 'manifest_pushed') await scans.pushed(sql, event.manifestId)
  const address = await repositoryAddress(sql, event.repositoryId)
  if (!address) return
  const place = `${address.registry}/${address.repository}`
  await audit(sql, {
    contractId: address.contract_id,
    registryId: event.registryId,
    actor: event.actor,
    action: ACTIONS[event.kind],
    subject: event.kind === 'tag_deleted' ? `${place}:${event.tag}` : `${place}@${event.digest}`,
    address: event.address,
    ...(event.kind === 'manifest_pushed' && event.tags.length > 0 ? { detail: { tags: event.tags } } : {}),
  })
}

/** Any answer about an object will do. @throws what the store throws when it does not answer. */
export async function askStorage({ blobs }: Stores): Promise<void> {
  await blobs.size(MARKER_ID)
}

async function storageAnswers(stores: Stores): Promise<boolean> {
  try {
    await askStorage(stores)
    return true
  } catch {
    return false
  }
}
