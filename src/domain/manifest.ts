import type { Digest } from './digest.ts'
import { isDigest } from './digest.ts'
import { DomainError } from './error.ts'
import {
  bareMediaType,
  isImageType,
  isIndexType,
  isManifestType,
  isNonDistributable,
  isSchema1,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.ts'
import { parseStrictJson } from './strict-json.ts'

export type EdgeKind = 'config' | 'layer' | 'child' | 'subject'

/** One descriptor that a manifest refers to by digest. */
export interface Edge {
  readonly kind: EdgeKind
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  /** False for layers that clients fetch elsewhere: they need not be pushed. */
  readonly required: boolean
}

export interface ParsedManifest {
  readonly mediaType: string
  /** As the referrers API shows it: the manifest's, else an image's config media type, else null. */
  readonly artifactType: string | null
  readonly subject: Digest | null
  readonly annotations: Readonly<Record<string, string>>
  readonly edges: readonly Edge[]
}

/** A manifest of 4 MiB holds some 30,000 descriptors; no tool makes more than a few hundred. Each is a row and a lock. */
export const MAX_REFERENCES = 10_000

type Fields = Record<string, unknown>

/**
 * Reads an image manifest or index, OCI or Docker. `contentType` is the request's header, or null.
 * @throws `manifest_invalid` naming the field. Source: image-spec 1.1, manifest.md and image-index.md.
 */
export function parseManifest(bytes: Uint8Array, contentType: string | null): ParsedManifest {
  const fields = asObject(parseStrictJson(bytes), 'the manifest')
  const mediaType = mediaTypeOf(fields, bareMediaType(contentType))
  if (fields['schemaVersion'] !== 2) throw invalid('"schemaVersion" must be 2')
  const edges = isIndexType(mediaType) ? indexEdges(fields) : imageEdges(fields)
  const subject = fields['subject'] === undefined ? null : edgeOf('subject', fields['subject'], '"subject"')
  if (subject) edges.push(subject)
  if (edges.length > MAX_REFERENCES)
    throw invalid(`it refers to ${edges.length} objects; at most ${MAX_REFERENCES} are allowed`)
  return {
    mediaType,
    artifactType: artifactTypeOf(fields, mediaType),
    subject: subject?.digest ?? null,
    annotations: annotationsOf(fields['annotations']),
    edges,
  }
}

function mediaTypeOf(fields: Fields, sent: string | null): string {
  const written = fields['mediaType']
  if (written !== undefined && typeof written !== 'string') throw invalid('"mediaType" must be a string')
  const header = sent === 'application/json' || sent === 'application/octet-stream' ? null : sent
  const chosen = header ?? written ?? ('manifests' in fields ? OCI_INDEX : OCI_MANIFEST)
  if (isSchema1(chosen) || fields['schemaVersion'] === 1)
    throw invalid(
      'Docker image manifest schema 1 is obsolete and not accepted; push with a current client (schema 2 or OCI)',
    )
  if (!isManifestType(chosen))
    throw invalid(
      `media type "${chosen.slice(0, 120)}" is not a manifest; OCI image manifest or index, Docker schema 2 or list are`,
    )
  if (written !== undefined && written !== chosen)
    throw invalid(
      `Content-Type says ${chosen}, "mediaType" inside says ${String(written).slice(0, 120)}; they must agree`,
    )
  return chosen
}

function indexEdges(fields: Fields): Edge[] {
  // A document that is both an index and an image means two things under one digest (CVE-2021-41190).
  if ('config' in fields || 'layers' in fields) throw invalid('an index must have neither "config" nor "layers"')
  if (!Array.isArray(fields['manifests'])) throw invalid('an index must have the array "manifests"')
  return fields['manifests'].map((child, at) => edgeOf('child', child, `"manifests[${at}]"`))
}

function imageEdges(fields: Fields): Edge[] {
  if ('manifests' in fields) throw invalid('an image manifest must not have "manifests"')
  const config = edgeOf('config', fields['config'], '"config"')
  const layers = fields['layers'] ?? []
  if (!Array.isArray(layers)) throw invalid('"layers" must be an array')
  return [config, ...layers.map((layer, at) => edgeOf('layer', layer, `"layers[${at}]"`))]
}

function edgeOf(kind: EdgeKind, value: unknown, where: string): Edge {
  const fields = asObject(value, where)
  const { digest, size, mediaType } = fields as { digest: unknown; size: unknown; mediaType: unknown }
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid(`${where} needs a "digest" of the form sha256:… or sha512:…`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${where} needs a "size" in bytes, a whole number of at least 0`)
  if (typeof mediaType !== 'string' || mediaType === '' || mediaType.length > 255)
    throw invalid(`${where} needs a "mediaType" of 1 to 255 characters`)
  const required = kind === 'config' || (kind === 'layer' && !isNonDistributable(mediaType))
  return { kind, digest, size, mediaType, required }
}

function artifactTypeOf(fields: Fields, mediaType: string): string | null {
  const own = fields['artifactType']
  if (own !== undefined && (typeof own !== 'string' || own.length > 255))
    throw invalid('"artifactType" must be a string of at most 255 characters')
  if (own) return own
  if (!isImageType(mediaType)) return null
  return String((fields['config'] as Fields)['mediaType'])
}

function annotationsOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  const fields = asObject(value, '"annotations"')
  for (const [key, text] of Object.entries(fields))
    if (typeof text !== 'string') throw invalid(`annotation "${key.slice(0, 80)}" must be a string`)
  return fields as Record<string, string>
}

function asObject(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw invalid(`${where} must be an object`)
}

function invalid(reason: string): DomainError {
  return new DomainError('manifest_invalid', `manifest refused: ${reason}`)
}
