import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audit } from './audit/audit.ts'
import type { Config } from './config/config.ts'
import type { Digest } from './domain/digest.ts'
import type { RepositoryName } from './domain/repository-name.ts'
import { startLane } from './jobs/start-lane.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import type { Caller, Registry } from './registry/registry.ts'
import { diffSnapshots } from './scanner/advisories/diff-snapshots.ts'
import { openSnapshot } from './scanner/advisories/open-snapshot.ts'
import { LAYER_LIMITS } from './scanner/layers/limits.ts'
import { FETCH_JOB } from './scans/advisory-feeds.ts'
import type { ChildCode } from './scans/child-code.ts'
import { readChildCode } from './scans/child-code.ts'
import type { ScansDeps } from './scans/deps.ts'
import type { ChildOptions } from './scans/run-child.ts'
import { LayerReaders } from './scans/run-child.ts'
import type { Scans } from './scans/scans.ts'
import { createScans } from './scans/scans.ts'
import type { Log } from './telemetry/log.ts'

/** How files that hold advisories are opened and compared. */
export type SnapshotFiles = Pick<ScansDeps, 'openSnapshot' | 'diffSnapshots'>

export const SNAPSHOT_FILES: SnapshotFiles = { openSnapshot, diffSnapshots }

const HERE = fileURLToPath(import.meta.url)
const FOLDER = dirname(HERE)
/** Beside this file, with types or, when they were stripped, without. */
const PROGRAM = join(FOLDER, `scan-child.${HERE.endsWith('.ts') ? 'ts' : 'js'}`)
const PROGRAM_FOLDERS = ['scanner', 'scanner/layers', 'scanner/analyzers'].map((name) => join(FOLDER, name))

let code: Promise<ChildCode> | null = null

/** Once; again if it failed, which is no image's fault. */
function childCode(): Promise<ChildCode> {
  code ??= readChildCode(PROGRAM, PROGRAM_FOLDERS).catch((error: unknown) => {
    code = null
    throw error
  })
  return code
}

/** It is to say itself that its layer takes too long: that it is ended comes later. */
export const CHILD: ChildOptions = { code: childCode, cpuSeconds: LAYER_LIMITS.maxMs / 1000 + 30, stallMs: 10 * 60_000 }

const SCANNER: Caller = { name: 'scanner', key: 'scanner:0', mayPush: false, mayPull: () => false }

export function createScansOn(
  metadata: MetadataStore,
  registry: Registry,
  config: Pick<Config, 'data' | 'advisories'>,
  files: SnapshotFiles,
  child: ChildOptions = CHILD,
): Scans {
  const readers = new LayerReaders(child)
  const scans = createScans({
    ...files,
    metadata,
    audit,
    openBlob: async (registryId, repository, digest) => {
      const place = { registryId, repository: repository as RepositoryName }
      const { size, read } = await registry.openBlob(place, SCANNER, digest as Digest)
      return { size, bytes: read(0, size) }
    },
    readManifest: async (registryId, repository, digest) => {
      const place = { registryId, repository: repository as RepositoryName }
      const reference = { kind: 'digest', digest: digest as Digest } as const
      return (await registry.pullManifest(place, SCANNER, reference, false)).bytes
    },
    readLayer: (bytes, aliases, signal) => readers.read(bytes, aliases, signal),
    prepareToRead: () => readers.prepare(),
    isBusy: () => readers.isBusy(),
    feedSettings: config.advisories,
    cacheDirectory: join(config.data, 'advisories'),
  })
  return {
    ...scans,
    [Symbol.dispose]() {
      readers[Symbol.dispose]()
      scans[Symbol.dispose]()
    },
  }
}

/** A report is waited for. */
const POLL_MS = 250
const PREPARE_MS = 20_000

/**
 * Does what is in the queue, but for what takes long: one scan at a time with two of its layers, at the lowest priority, which fills what
 * cores are idle.
 */
export function startJobs(metadata: MetadataStore, { handlers, onAsked }: Scans, log: Log): AsyncDisposable {
  // Before the first push, when nobody waits. One that fails is tried again when it is needed.
  const preparing = setTimeout(() => void childCode().catch(() => {}), PREPARE_MS).unref()
  const lane = startLane({
    metadata,
    handlers,
    lane: { except: FETCH_JOB },
    pollMs: POLL_MS,
    onFailure: ({ id, kind }, error, dead) =>
      log.warn({ err: error, job: id, kind }, dead ? 'job failed for good' : 'job failed; it will be tried again'),
    onError: (error) => log.error({ err: error }, 'queue'),
  })
  onAsked(() => lane.soon())
  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(preparing)
      await lane[Symbol.asyncDispose]()
    },
  }
}
