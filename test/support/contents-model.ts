import type { ArtifactQuery } from '../../src/contents/artifacts.ts'
import type { Contents } from '../../src/contents/contents.ts'
import type { ArtifactView } from '../../src/contents/views.ts'
import type { Digest } from '../../src/domain/digest.ts'
import { SEVERITIES } from '../../src/domain/severity.ts'
import type { MetadataStore } from '../../src/metadata/metadata-store.ts'
import type { DataPlane } from './contents.ts'
import { writeScan } from './contents.ts'
import { actor } from './management.ts'

interface World {
  readonly contents: Contents
  readonly data: DataPlane
  readonly metadata: MetadataStore
  readonly clock: { now: number }
  readonly id: string
  readonly internalId: number
}

export function keyOf({ repository, digest }: Pick<ArtifactView, 'repository' | 'digest'>): string {
  return `${repository}@${digest}`
}

export interface Known extends Pick<ArtifactView, 'repository' | 'digest'> {
  readonly made: number
  pullCount: number
  pushCount: number
  lastPush: number
  lastPull: number
  lastScan: number
  vulnTotalCount: number
  vulnFixableCount: number
  vulnMaxSeverity: number
  vulnTotalScore: number
}

/** Pushes, pulls, scans and deletions in two repositories and one that is deleted, by a fixed sequence of numbers. */
export async function actAtRandom(world: World): Promise<Map<string, Known>> {
  const { contents, data, metadata, clock, id, internalId } = world
  const known = new Map<string, Known>()
  const below = numbersBelow(7)
  for (let step = 0; step < 220; step++) {
    if (step % 3 === 0) clock.now += 1
    const repository = ['a', 'b/c', 'gone'][below(3)] as string
    const digest = await data.push(internalId, repository, `${repository} ${below(18)}`)
    const each = known.get(keyOf({ repository, digest })) ?? newlyKnown(repository, digest, step)
    known.set(keyOf(each), each)
    each.pushCount += 1
    const act = below(7)
    if (act <= 1) {
      await data.pull(internalId, repository, digest, act + 1)
      each.pullCount += act + 1
    } else if (act === 2) {
      await data.delete(internalId, repository, digest)
      known.delete(keyOf(each))
    } else if (act === 3) await scanAtRandom(metadata, each, step, below)
  }
  await contents.deleteRepository(actor(1), id, 'gone')
  for (const each of known.values()) await readTimes(metadata, each)
  return new Map([...known].filter(([, { repository }]) => repository !== 'gone'))
}

function numbersBelow(first: number): (n: number) => number {
  let seed = first
  return (n) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % n
  }
}

function newlyKnown(repository: string, digest: Digest, made: number): Known {
  const never = { pullCount: 0, pushCount: 0, lastPush: 0, lastPull: 0, lastScan: 0 }
  const unknown = { vulnTotalCount: -1, vulnFixableCount: -1, vulnMaxSeverity: -1, vulnTotalScore: -1 }
  return { repository, digest, made, ...never, ...unknown }
}

async function scanAtRandom(metadata: MetadataStore, each: Known, at: number, below: (n: number) => number) {
  const isReadable = below(3) > 0
  const [count, fixable, worst] = [below(4), below(3), below(6)]
  const maxSeverity = SEVERITIES[worst] ?? 'unknown'
  const findings = isReadable ? { maxSeverity, scoreTenths: count * 10, count, fixable } : null
  await writeScan(metadata, each.digest as Digest, at + 1, findings)
  each.lastScan = at + 1
  each.vulnTotalCount = isReadable ? count : -1
  each.vulnFixableCount = isReadable ? fixable : -1
  each.vulnMaxSeverity = isReadable ? worst : -1
  each.vulnTotalScore = isReadable ? count : -1
}

/** The engine's clock tells them, not the test's. */
async function readTimes(metadata: MetadataStore, each: Known): Promise<void> {
  const row = await metadata.read(
    (sql) => sql.get<{ pushed: number; pulled: number }>`
      SELECT c.last_pushed_at AS pushed, c.last_pulled_at AS pulled FROM manifest_counters c
        JOIN manifests m ON m.id = c.manifest_id JOIN repositories r ON r.id = m.repository_id
       WHERE r.name = ${each.repository} AND m.digest = ${each.digest} AND m.delete_id IS NULL`,
  )
  each.lastPush = row?.pushed ?? -1
  each.lastPull = row?.pulled ?? -1
}

export function sorted(
  all: readonly Known[],
  { orderBy, descending }: Pick<ArtifactQuery, 'orderBy' | 'descending'>,
): string[] {
  const way = descending ? -1 : 1
  return all.toSorted((a, b) => way * (a[orderBy] - b[orderBy] || a.made - b.made)).map(keyOf)
}
