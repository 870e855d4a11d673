import { isImageType, isIndexType } from '../domain/media-type.ts'
import type { EdgeRow } from '../metadata/tables/scans.ts'

/** What there is to do about a manifest. */
export type Kind =
  | { readonly kind: 'image'; readonly config: EdgeRow; readonly layers: readonly EdgeRow[] }
  | { readonly kind: 'index' }
  | { readonly kind: 'unknown' | 'not_applicable'; readonly reason: string }

const CONFIG = /^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/
/** Source: image-spec 1.1, layer.md; Docker's image manifest v2, schema 2. Whether it is compressed, its bytes tell. */
const LAYER =
  /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1|docker\.image\.rootfs\.(foreign\.)?diff)\.tar\b/
const ENCRYPTED = /\+encrypted$/

/**
 * Images are those whose config says so and whose layers are file systems; signatures, attestations and charts are
 * something else, though some wear an image's config.
 */
export function whatItIs(mediaType: string, edges: readonly EdgeRow[]): Kind {
  if (isIndexType(mediaType)) return { kind: 'index' }
  const config = edges.find(({ kind }) => kind === 'config')
  const layers = edges.filter(({ kind }) => kind === 'layer')
  if (!isImageType(mediaType) || config === undefined || !CONFIG.test(config.media_type))
    return { kind: 'not_applicable', reason: 'it is not a container image' }
  const strange = layers.filter(({ media_type }) => !LAYER.test(media_type))
  if (layers.length > 0 && strange.length === layers.length)
    return {
      kind: 'not_applicable',
      reason: `its layers are no file systems (${shorten(layers[0]?.media_type ?? '')})`,
    }
  const encrypted = layers.find(({ media_type }) => ENCRYPTED.test(media_type))
  if (encrypted) return { kind: 'unknown', reason: `layer ${encrypted.digest} is encrypted` }
  if (strange[0])
    return {
      kind: 'unknown',
      reason: `layer ${strange[0].digest} is of a type that is not read: ${shorten(strange[0].media_type)}`,
    }
  return { kind: 'image', config, layers }
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
