/** Media types of manifests this registry stores. Source: image-spec 1.1, media-types.md; Docker image manifest v2, schema 2. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

const IMAGE_TYPES: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST])
const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST])
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/
// Layers that clients fetch elsewhere and never push. Source: image-spec 1.1, layer.md, "Non-Distributable Layers"; Docker's foreign layers.
const NOT_DISTRIBUTABLE =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.v1\.tar|docker\.image\.rootfs\.foreign\.diff\.tar)/

export const isImageType = (mediaType: string): boolean => IMAGE_TYPES.has(mediaType)
export const isIndexType = (mediaType: string): boolean => INDEX_TYPES.has(mediaType)
export const isManifestType = (mediaType: string): boolean => isImageType(mediaType) || isIndexType(mediaType)
export const isSchema1 = (mediaType: string): boolean => SCHEMA_1.test(mediaType)
export const isNonDistributable = (mediaType: string): boolean => NOT_DISTRIBUTABLE.test(mediaType)

/** `Type/Sub; charset=x` → `type/sub`; null for nothing. Source: RFC 9110, 8.3.1. */
export function bareMediaType(header: string | undefined | null): string | null {
  const bare = (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return bare === '' ? null : bare
}
