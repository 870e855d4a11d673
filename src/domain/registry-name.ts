/** A registry's name: a DNS label, unique across all contracts. */
export type RegistryName = string & { readonly registryName: unique symbol }

// Source: management-api.md 4.1.
const SHAPE = /^[a-z][-a-z0-9]{1,61}[a-z0-9]$/

export function isRegistryName(text: string): text is RegistryName {
  return SHAPE.test(text)
}
export const REGISTRY_NAME_RULE =
  '3 to 63 lower-case letters, digits and hyphens, starting with a letter and ending with a letter or digit'
