import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import type { Digest } from '../../src/domain/digest.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import { runDueJobs } from '../../src/jobs/queue.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import { PullCounts } from '../../src/registry/pull-counts.ts'
import type { Report } from '../../src/scans/report.ts'
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

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

export interface ImageOptions {
  readonly tag?: string
  readonly layerType?: string
  readonly configType?: string
  /** Instead of the true ones. */
  readonly diffIds?: readonly string[]
  /** Instead of what the layers are. */
  readonly bytes?: readonly Uint8Array[]
}

export const owner = actor(1)

/** The data plane's acts and scans on a database, with objects in memory, layers read in real processes, and the clock in hand. */
export async function openScanWorld(openMetadata?: OpenMetadata, wrap: (scans: Scans) => Scans = (scans) => scans) {
  const plane = await openControlPlane(openMetadata ? { openMetadata } : {})
  const { metadata, clock } = plane
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-scans-'))
  const { id: registryId, internalId } = await plane.registries.create(owner, {
    name: 'acme',
    location: null,
    gcSchedule: null,
    scanning: true,
    allowList: [],
  })
  const pulls = new PullCounts((sql, ids) => scans.pulled(sql, ids))
  const stores = { metadata, blobs: createMemoryBlobStore(), keyring: keyringOn(metadata) }
  const registry = createRegistry(
    registryDepsOn(stores, {
      pulls,
      onEvent: async (sql, event) => {
        if (event.kind === 'manifest_pushed') await scans.pushed(sql, event.manifestId)
      },
    }),
  )
  const scans: Scans = wrap(createScansOn(metadata, registry, { data: directory }, SNAPSHOT_FIXTURES))
  const place = (repository: string) => ({ registryId: internalId, repository: repository as RepositoryName })

  const push = async (repository: string, type: string, content: object, tag?: string): Promise<Digest> => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, ...content }))
    const reference = { kind: 'digest' as const, digest: sha256(bytes) }
    const tags = (tag === undefined ? [] : [tag]) as TagName[]
    await registry.pushManifest(place(repository), pusher, reference, tags, { mediaType: type, bytes })
    return reference.digest
  }
  const blob = async (repository: string, mediaType: string, bytes: Uint8Array) => {
    await pushBlob(registry, place(repository), bytes)
    return { mediaType, digest: sha256(bytes), size: bytes.length }
  }
  return {
    ...{ metadata, clock, scans, registry, registryId, internalId },
    contents: contentsOn(metadata),
    registries: plane.registries,
    /** Layers from the lowest up. */
    async image(repository: string, layers: readonly (readonly Member[])[], options: ImageOptions = {}) {
      const plain = layers.map((members) => archive(...members))
      const diffIds = options.diffIds ?? plain.map((bytes) => sha256(bytes))
      const config = Buffer.from(
        JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } }),
      )
      const content = {
        config: await blob(repository, options.configType ?? CONFIG, config),
        layers: await Promise.all(
          (options.bytes ?? plain.map((bytes) => gzipSync(bytes))).map((bytes) =>
            blob(repository, options.layerType ?? LAYER, bytes),
          ),
        ),
      }
      const digest = await push(repository, MANIFEST, content, options.tag)
      return { digest, layers: content.layers.map((layer) => layer.digest) }
    },
    /** `platforms`: by digest, such as `linux/arm64/v8`. */
    async index(
      repository: string,
      children: readonly Digest[],
      tag?: string,
      platforms: Readonly<Record<string, string>> = {},
    ) {
      const manifests = children.map((digest) => {
        const [os, architecture, variant] = platforms[digest]?.split('/') ?? []
        return { mediaType: MANIFEST, digest, size: 1, ...(os && { platform: { os, architecture, variant } }) }
      })
      return await push(repository, INDEX, { manifests }, tag)
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
    /** Does what is in the queue, also what waits for a second try. */
    async work(): Promise<void> {
      const deps = { metadata, handlers: scans.handlers, node: 'here', maxOfNode: 1, leaseMs: 600_000 }
      const run = () =>
        runDueJobs(
          { ...deps, random: () => 0, onFailure: (_, error) => failures.push(error) },
          new AbortController().signal,
        )
      do clock.now += 5_000
      while ((await run()) > 0)
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
