import { test } from 'node:test'
import { score } from './advisory-fixture.ts'
import type { OpenMetadata } from './management.ts'
import type { ScanWorld, WorldOptions } from './scan-world.ts'
import { failures, openScanWorld, owner } from './scan-world.ts'

export type On = (
  name: string,
  fn: (world: ScanWorld) => Promise<void>,
  options?: Omit<WorldOptions, 'openMetadata'>,
) => void

/** Tests that each have a world of their own on that database. */
export function scanTests(engine: string, openMetadata: OpenMetadata, skip: false | string): On {
  return (name, fn, options = {}) =>
    test(`scans on ${engine}: ${name}`, { skip }, async () => {
      failures.length = 0
      await using world = await openScanWorld({ ...options, openMetadata })
      try {
        await fn(world)
      } catch (error) {
        throw failures.length === 0 ? error : new AggregateError([error, ...failures], 'jobs failed, too')
      }
    })
}

export const OPENSSL = {
  id: 'CVE-2026-0001',
  ecosystem: 'Debian:12',
  name: 'openssl',
  events: [{ introduced: '0' }, { fixed: '3.0.11-1' }],
  scores: [score(9.8)],
}

export async function artifactOf(world: ScanWorld, repository: string, digest: string) {
  const { artifact } = await world.contents.getArtifact(owner, { registryId: world.registryId, repository, digest })
  return artifact
}

export async function severityOf(world: ScanWorld, repository: string) {
  return (await world.contents.getRepository(owner, world.registryId, repository)).repository.lastSeverity
}
