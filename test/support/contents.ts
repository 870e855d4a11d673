import { createMemoryBlobStore } from '../../src/blobs/memory.ts'
import type { Contents } from '../../src/contents/contents.ts'
import { createContents } from '../../src/contents/contents.ts'
import type { Digest } from '../../src/domain/digest.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import type { Severity } from '../../src/domain/severity.ts'
import { severityRank } from '../../src/domain/severity.ts'
import type { Keyring } from '../../src/encryption/keyring.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import { PullCounts } from '../../src/registry/pull-counts.ts'
import type { Place } from '../../src/registry/registry.ts'
import { pusher, reader, sha256 } from './registry.ts'
import { registryDepsOn } from './registry-deps.ts'

/** What people and machines do on the data plane, as far as lists show it. */
export interface DataPlane {
  /** A small index of no images, another one for each `text`. */
  push(registryId: number, repository: string, text: string, ...tags: string[]): Promise<Digest>
  pull(registryId: number, repository: string, digest: Digest, times?: number): Promise<void>
  delete(registryId: number, repository: string, digest: Digest): Promise<void>
}

/** The real data plane's acts on that database, with objects in memory. */
export function dataPlaneOn(metadata: MetadataStore): DataPlane {
  const blobs = createMemoryBlobStore()
  const keyring = keyringOn(metadata)
  const pulls = new PullCounts()
  const registry = createRegistry(registryDepsOn({ metadata, blobs, keyring }, { pulls }))
  const place = (registryId: number, repository: string): Place => ({
    registryId,
    repository: repository as RepositoryName,
  })
  return {
    async push(registryId, repository, text, ...tags) {
      const bytes = Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [], annotations: { text } }),
      )
      const reference = { kind: 'digest' as const, digest: sha256(bytes) }
      const manifest = { mediaType: INDEX, bytes }
      await registry.pushManifest(place(registryId, repository), pusher, reference, tags as TagName[], manifest)
      return reference.digest
    },
    async pull(registryId, repository, digest, times = 1) {
      for (let i = 0; i < times; i++)
        await registry.pullManifest(place(registryId, repository), reader, { kind: 'digest', digest }, true)
      await pulls.flush(metadata)
    },
    async delete(registryId, repository, digest) {
      await registry.deleteManifest(place(registryId, repository), pusher, { kind: 'digest', digest })
    },
  }
}

const INDEX = 'application/vnd.oci.image.index.v1+json'

export function keyringOn(metadata: MetadataStore): Keyring {
  const key = (id: number, registryId: number) => ({
    id,
    registryId,
    objects: Buffer.alloc(32, 1),
    manifests: Buffer.alloc(32, 2),
  })
  return {
    current: async (registryId) => {
      const row = await metadata.read(
        (sql) => sql.get<{ id: number }>`SELECT id FROM data_keys WHERE registry_id = ${registryId}`,
      )
      return key(row?.id ?? 0, registryId)
    },
    byId: async (id) => key(id, 0),
  }
}

export function contentsOn(
  metadata: MetadataStore,
  more: Partial<Parameters<typeof createContents>[0]> = {},
): Contents {
  return createContents({ metadata, quarantineDays: 7, stopwatch: () => 0, patienceMs: 2_000, ...more })
}

export interface Findings {
  readonly maxSeverity: Severity
  readonly scoreTenths: number
  readonly count: number
  readonly fixable: number
}

/** What a scan writes (migrations/0002-contents.ts); null: what was scanned could not be read. */
export async function writeScan(metadata: MetadataStore, digest: Digest, at: number, findings: Findings | null) {
  const rank = findings === null ? null : severityRank(findings.maxSeverity)
  await metadata.transact(async (sql) => {
    const scanned = await sql.all<{ repository_id: number }>`
      UPDATE manifest_counters
         SET traits = (traits & 3) | ${findings === null ? 4 : 12}, last_scanned_at = ${at}, max_severity = ${rank},
             score_tenths = ${findings?.scoreTenths ?? null}, finding_count = ${findings?.count ?? null},
             fixable_count = ${findings?.fixable ?? null}
       WHERE manifest_id IN (SELECT id FROM manifests WHERE digest = ${digest}) RETURNING repository_id`
    for (const { repository_id } of scanned)
      await sql.run`
        UPDATE repository_counters SET last_severity = ${rank} WHERE repository_id = ${repository_id}`
  })
}
