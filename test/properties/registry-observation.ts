import assert from 'node:assert/strict'
import type { Digest } from '../../src/domain/digest.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { place, pusher, readBlob, reader, sha256 } from '../support/registry.ts'
import type { Oracle } from './registry-oracle.ts'
import { REPOSITORIES } from './registry-oracle.ts'

const ALL = { limit: 1_000, after: null }

/** What the oracle says is there is there, bit-exact; what it says is not, is not. */
export async function observe(oracle: Oracle, registry: Registry): Promise<void> {
  const { names } = await registry.listRepositories(1, ALL)
  assert.deepEqual(names, [...oracle.repositories.keys()].sort())
  for (const repository of REPOSITORIES) {
    await observeBlobs(oracle, registry, repository)
    await observeManifests(oracle, registry, repository)
    await observeTags(oracle, registry, repository)
    await observeReferrers(oracle, registry, repository)
  }
  for (const { id, repository, bytes } of oracle.sessions) {
    const { size } = await registry.uploadStatus(place(repository), pusher, id)
    assert.equal(size, bytes.length)
  }
}

async function observeBlobs(oracle: Oracle, registry: Registry, repository: string): Promise<void> {
  const where = place(repository)
  for (const digest of oracle.blobsEver) {
    const bytes = oracle.find(repository)?.blobs.get(digest)
    const facts = await registry.statBlob(where, pusher, digest)
    assert.deepEqual(facts, bytes ? { digest, size: bytes.length } : null, `HEAD ${repository}@${digest}`)
    if (bytes === undefined) {
      await assert.rejects(readBlob(registry, where, digest), { kind: 'blob_unknown' })
      continue
    }
    assert.ok(bytes.equals(await readBlob(registry, where, digest)), `other bytes under ${repository}@${digest}`)
    const middle = Math.floor(bytes.length / 2)
    assert.ok(bytes.subarray(middle).equals(await readBlob(registry, where, digest, middle)), 'a range differs')
  }
}

async function observeManifests(oracle: Oracle, registry: Registry, repository: string): Promise<void> {
  const where = place(repository)
  for (const [digest, bytes] of oracle.manifestsEver) {
    const reference = { kind: 'digest', digest } as const
    const there = oracle.find(repository)?.manifests.has(digest) ?? false
    assert.equal((await registry.statManifest(where, pusher, reference)) !== null, there)
    const pull = registry.pullManifest(where, reader, reference, true)
    if (there) assert.ok(bytes.equals((await pull).bytes), `other bytes under ${repository}@${digest}`)
    else await assert.rejects(pull, { kind: 'manifest_unknown' })
  }
}

async function observeTags(oracle: Oracle, registry: Registry, repository: string): Promise<void> {
  const where = place(repository)
  const known = oracle.find(repository)
  const listed = registry.listTags(where, ALL)
  if (!known) {
    await assert.rejects(listed, { kind: 'name_unknown' })
    return
  }
  assert.deepEqual((await listed).names, [...known.tags.keys()].sort())
  for (const [tag, digest] of known.tags) {
    const pulled = await registry.pullManifest(where, reader, { kind: 'tag', tag: tag as TagName }, true)
    assert.equal(pulled.digest, digest)
    assert.equal(sha256(pulled.bytes), digest)
  }
}

async function observeReferrers(oracle: Oracle, registry: Registry, repository: string): Promise<void> {
  const bySubject = new Map<Digest, Digest[]>()
  for (const digest of oracle.manifestsIn(repository)) {
    const subject = oracle.find(repository)?.manifests.get(digest)?.subject
    if (subject) bySubject.set(subject, [...(bySubject.get(subject) ?? []), digest])
  }
  for (const subject of oracle.manifestsEver.keys()) {
    const { referrers } = await registry.listReferrers(place(repository), subject, { artifactType: null }, ALL)
    assert.deepEqual(
      referrers.map((referrer) => referrer.digest),
      bySubject.get(subject) ?? [],
    )
  }
}
