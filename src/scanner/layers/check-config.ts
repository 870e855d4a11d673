import type { LayerFacts, Problem } from '../facts.ts'

/**
 * A config lists its layers by the digests of their uncompressed bytes; one that lists others belongs to another image, and what it says of this
 * one must not be believed. Source: OCI image-spec 1.1, config.md, `rootfs.diff_ids`; design.md 11. Null: it fits.
 */
export function checkConfig(
  diffIds: readonly string[] | null,
  layers: readonly Pick<LayerFacts, 'diffId'>[],
): Problem | null {
  const fits =
    diffIds !== null &&
    diffIds.length === layers.length &&
    layers.every(({ diffId }, index) => diffId === diffIds[index])
  if (fits) return null
  return { path: null, where: 'config', reason: 'config does not match its layers', weight: 'fatal' }
}
