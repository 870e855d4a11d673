import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import type { Digest } from '../../src/domain/digest.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import { runDueJobs } from '../../src/jobs/queue.ts'
import type { Lane } from '../../src/metadata/tables/job-queue.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import { PullCounts } from '../../src/registry/pull-counts.ts'
import type { Place } from '../../src/registry/registry.ts'
import type { Report } from '../../src/scans/report.ts'
import type { ChildOptions } from '../../src/scans/run-child.ts'
import type { Scans } from '../../src/scans/scans.ts'
import { createScansOn } from '../../src/scans-of.ts'
import { contentsOn, keyringOn } from './contents.ts'
import type { OpenMetadata } from './management.ts'
import { actor, openControlPlane } from './management.ts'
import { pushBlob, pusher, reader, sha256 } from './registry.ts'
import { registryDepsOn } from './registry-deps.ts'
import type { Known } from './snapshot-fixture.ts'
import { SNAPSHOT_FIXTURES, writeSnapshot } from './snapshot-fixture.ts'
import type { Member } from './tar-members.ts'
import { archive } from './tar-members.ts'

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX = 'application/vnd.oci.image.index.v1+json'
export const CONFIG = 'application/vnd.oci.image.config.v1+json'
export const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

export interface ImageOptions {
  readonly tag?: string
  readonly layerType?: string
  readonly configType?: string
  readonly manifestType?: string
  /** More of it, as when it was built anew. */
  readonly config?: object
  /** Its internal id; default: the one that is there. */
  readonly registry?: number
  /** Instead of the true ones. */
  readonly diffIds?: readonly string[]
  /** Instead of what the layers are. */
  readonly bytes?: readonly Uint8Array[]
}

export interface IndexOptions {
  readonly tag?: string
  readonly type?: string
  /** By digest, such as `linux/arm64/v8`. */
  readonly platforms?: Readonly<Record<string, string>>
}

export const owner = actor(1)

export const NOTHING_FETCHED = { sources: [], mirror: null, folder: null, everyMs: 1e9, staleMs: 1e15 }

export interface WorldOptions {
  readonly openMetadata?: OpenMetadata | undefined
  readonly wrap?: (scans: Scans) => Scans
  /** Another program than the one that reads layers. */
  readonly child?: ChildOptions
  /** Before each blob that a scan opens. */
  readonly onOpen?: (digest: string) => Promise<void>
}

/** The data plane's acts and scans on a database, with objects in memory, layers read in real processes, and the clock in hand. */
export async function openScanWorld(options: WorldOptions = {}) {
  const { openMetadata, wrap = (scans) => scans, child } = options
  const plane = await openControlPlane(openMetadata ? { openMetadata } : {})
  const { metadata, clock } = plane
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-scans-'))
  const create = async (name: string, of = owner) =>
    await plane.registries.create(of, { name, location: null, gcSchedule: null, scanning: true, allowList: [] })
  const { id: registryId, internalId } = await create('acme')
  const pulls = new PullCounts((sql, ids) => scans.pulled(sql, ids))
  const stores = { metadata, blobs: createMemoryBlobStore(), keyring: keyringOn(metadata) }
  const registry = createRegistry(
    registryDepsOn(stores, {
      pulls,
      onUpload: (of) => scans.uploading(of),
      onEvent: async (sql, event) => {
        if (event.kind === 'manifest_pushed') await scans.pushed(sql, event.manifestId)
      },
    }),
  )
  const watched: typeof registry = {
    ...registry,
    openBlob: async (of, caller, digest) => {
      await options.onOpen?.(digest)
      return await registry.openBlob(of, caller, digest)
    },
  }
  const scans: Scans = wrap(
    createScansOn(metadata, watched, { data: directory, advisories: NOTHING_FETCHED }, SNAPSHOT_FIXTURES, child),
  )
  const place = (repository: string, of = internalId) => ({ registryId: of, repository: repository as RepositoryName })

  const push = async (at: Place, type: string, content: object, tag?: string): Promise<Digest> => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...content }))
    const reference = { kind: 'digest' as const, digest: sha256(bytes) }
    const tags = (tag === undefined ? [] : [tag]) as TagName[]
    await registry.pushManifest(at, pusher, reference, tags, { mediaType: type, bytes })
    return reference.digest
  }
  const blob = async (at: Place, mediaType: string, bytes: Uint8Array) => {
    await pushBlob(registry, at, bytes)
    return { mediaType, digest: sha256(bytes), size: bytes.length }
  }
  return {
    ...{ metadata, clock, scans, registry, registryId, internalId, directory },
    at: plane.at,
    contents: contentsOn(metadata),
    registries: plane.registries,
    ...{ create, place, push, blob },
    /** Layers from the lowest up. */
    async image(repository: string, layers: readonly (readonly Member[])[], options: ImageOptions = {}) {
      const at = place(repository, options.registry)
      const plain = layers.map((members) => archive(...members))
      const diffIds = options.diffIds ?? plain.map((bytes) => sha256(bytes))
      const stored = options.bytes ?? plain.map((bytes) => gzipSync(bytes))
      const config = Buffer.from(
        JSON.stringify({
          os: 'linux',
          architecture: 'amd64',
          rootfs: { type: 'layers', diff_ids: diffIds },
          ...options.config,
        }),
      )
      const content = {
        config: await blob(at, options.configType ?? CONFIG, config),
        layers: await Promise.all(stored.map((bytes) => blob(at, options.layerType ?? LAYER, bytes))),
      }
      const digest = await push(at, options.manifestType ?? MANIFEST, content, options.tag)
      return { digest, diffIds, layers: content.layers.map((layer) => layer.digest) }
    },
    async index(repository: string, children: readonly string[], options: IndexOptions = {}) {
      const manifests = children.map((digest) => {
        const [os, architecture, variant] = options.platforms?.[digest]?.split('/') ?? []
        return { mediaType: MANIFEST, digest, size: 1, ...(os && { platform: { os, architecture, variant } }) }
      })
      return await push(place(repository), options.type ?? INDEX, { manifests }, options.tag)
    },
    async delete(repository: string, digest: Digest) {
      await registry.deleteManifest(place(repository), pusher, { kind: 'digest', digest })
    },
    async pull(repository: string, digest: Digest) {
      await registry.pullManifest(place(repository), reader, { kind: 'digest', digest }, true)
      await pulls.flush(metadata)
    },
    /** Makes this what the world knows. */
    publish: async (known: Known) => void (await scans.installSnapshot(await writeSnapshot(directory, known))),
    /** As `entrepot advisories import` leaves it, made at that time. */
    async imported(known: Known, createdAt: number): Promise<void> {
      const folder = join(directory, 'advisories')
      await mkdir(folder, { recursive: true })
      const path = await writeSnapshot(folder, { ...known, createdAt })
      const name = basename(path, '.json')
      await rename(path, join(folder, `${name}.db`))
      await writeFile(join(folder, 'active'), `${name}\n`)
      await scans.followImports()
    },
    /** Does what is in the queue, also what waits for a second try, and then notices that all is done. */
    async work(lane: Lane = {}): Promise<void> {
      const deps = { metadata, handlers: scans.handlers, node: 'here', maxOfNode: 1, leaseMs: 600_000, lane }
      const run = () =>
        runDueJobs(
          { ...deps, random: () => 0, onFailure: (_, error) => failures.push(error) },
          new AbortController().signal,
        )
      do clock.now += 5_000
      while ((await run()) > 0)
      await scans.followImports() // as the server does every two seconds: the last is done
    },
    report: (repository: string, digest: Digest): Promise<Report> =>
      scans.report(owner, { registryId, repository, digest }),
    async [Symbol.asyncDispose]() {
      scans[Symbol.dispose]()
      await plane[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

/** Of jobs, for a test to look at when it does not understand. */
export const failures: unknown[] = []

export type ScanWorld = Awaited<ReturnType<typeof openScanWorld>>

export const OS_RELEASE: Member = {
  path: 'etc/os-release',
  content: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
}

/** dpkg's database of these packages, as `name version`. */
export function dpkgStatus(...packages: readonly string[]): Member {
  const stanzas = packages.map((one) => {
    const [name, version] = one.split(' ')
    return `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\nMaintainer: x <x@example.com>\nDescription: x\n`
  })
  return { path: 'var/lib/dpkg/status', content: stanzas.join('\n') }
}
