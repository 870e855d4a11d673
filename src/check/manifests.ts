import { createHash } from 'node:crypto'
import type { Digest } from '../domain/digest.ts'
import { algorithmOf, digestOfHex } from '../domain/digest.ts'
import { parseManifest } from '../domain/manifest.ts'
import { isNonDistributable } from '../domain/media-type.ts'
import { manifestAssociatedData, openManifest } from '../encryption/tink-aead.ts'
import type { CheckedEdge, CheckedManifest, OpenEdge } from '../metadata/tables/check.ts'
import { edgesOf, manifestsIn, openEdges } from '../metadata/tables/check.ts'
import { manifestContent } from '../metadata/tables/manifests.ts'
import type { CheckRun } from './deps.ts'
import { windowsOf } from './deps.ts'
import { reasonOf } from './keys.ts'
import type { Problem } from './problem.ts'

/**
 * Every manifest, also one in quarantine, decrypts to its digest and is what its rows say; the config and layers of live
 * ones can be served.
 */
export async function* checkManifests(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'manifests')) {
    run.figures.counted.manifests += window.rows
    for (const manifest of await run.metadata.read((sql) => manifestsIn(sql, window))) {
      const problem = await checkManifest(run, manifest)
      if (problem) yield problem
      if (manifest.counted === 0)
        yield { kind: 'counters_missing', subject: nameOf(manifest), detail: 'its pulls are not counted' }
    }
    for (const edge of await run.metadata.read((sql) => openEdges(sql, window)))
      if (edge.blob_size !== null || edge.kind === 'config' || !isNonDistributable(edge.media_type))
        yield incomplete(edge)
  }
}

async function checkManifest(run: CheckRun, manifest: CheckedManifest): Promise<Problem | null> {
  if (run.unreadableKeys.has(manifest.data_key_id)) return null
  const sealed = await run.metadata.read((sql) => manifestContent(sql, manifest.id))
  if (sealed === null) return null // removed since
  const subject = nameOf(manifest)
  try {
    const bytes = await open(run, manifest, sealed)
    const detail = differenceIn(bytes, manifest, await run.metadata.read((sql) => edgesOf(sql, manifest.id)))
    return detail ? { kind: 'manifest_rows', subject, detail } : null
  } catch (error) {
    return { kind: 'manifest_damaged', subject, detail: reasonOf(error) }
  }
}

async function open(run: CheckRun, manifest: CheckedManifest, sealed: Uint8Array): Promise<Uint8Array> {
  const { manifests } = await run.keyring.byId(manifest.data_key_id)
  const { registry_id, digest } = manifest
  const bytes = openManifest(manifests, sealed, manifestAssociatedData(registry_id, digest))
  const algorithm = algorithmOf(digest as Digest)
  const actual = digestOfHex(algorithm, createHash(algorithm).update(bytes).digest('hex'))
  if (actual !== digest) throw new Error(`it decrypts, but has the digest ${actual}`)
  return bytes
}

function differenceIn(bytes: Uint8Array, manifest: CheckedManifest, edges: readonly CheckedEdge[]): string | null {
  const parsed = parseManifest(bytes, manifest.media_type)
  if (bytes.length !== manifest.size) return `it has ${bytes.length} bytes, its row says ${manifest.size}`
  if (parsed.subject !== manifest.subject) return `its subject is ${parsed.subject}, its row says ${manifest.subject}`
  if (parsed.artifactType !== manifest.artifact_type)
    return `its artifact type is ${parsed.artifactType}, its row says ${manifest.artifact_type}`
  const own = parsed.edges.map((edge) => `${edge.kind} ${edge.digest} ${edge.size}`)
  const stored = edges.map((edge) => `${edge.kind} ${edge.digest} ${edge.size}`)
  const at = own.findIndex((edge, index) => edge !== stored[index])
  if (at >= 0) return `it refers to ${own[at]}, its rows to ${stored[at] ?? 'nothing'}`
  return own.length === stored.length ? null : `it refers to ${own.length} objects, its rows to ${stored.length}`
}

function incomplete(edge: OpenEdge): Problem {
  const detail =
    edge.blob_size === null
      ? `${edge.kind} ${edge.digest} cannot be pulled from its repository`
      : `${edge.kind} ${edge.digest} has ${edge.blob_size} bytes, the manifest says ${edge.size}`
  return { kind: 'manifest_incomplete', subject: `${edge.repository}@${edge.manifest}`, detail }
}

function nameOf({ repository, digest }: CheckedManifest): string {
  return `${repository}@${digest}`
}
