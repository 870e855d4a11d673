import { dataKeyFromRoot } from '../encryption/subkeys.ts'
import type { TinkKeyset } from '../encryption/tink-keyset.ts'
import { manifestKeyset, streamingKeyset } from '../encryption/tink-keyset.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { dataKeysOfRegistry } from '../metadata/tables/data-keys.ts'

/** One data key in the clear: whoever has it reads everything it encrypted. */
export interface ExportedKey {
  readonly id: number
  readonly version: number
  /** Opens objects; associated data: the object's id. */
  readonly objects: TinkKeyset
  /** Opens manifests; associated data: `<internal registry id>/<digest>`. */
  readonly manifests: TinkKeyset
}

export async function exportKeys(
  deps: { readonly metadata: MetadataStore; readonly unwrap: (wrapped: Uint8Array) => Promise<Uint8Array> },
  registryId: number,
): Promise<ExportedKey[]> {
  const exported: ExportedKey[] = []
  for (const row of await deps.metadata.read((sql) => dataKeysOfRegistry(sql, registryId))) {
    if (row.wrapped === null) continue
    const { objects, manifests } = dataKeyFromRoot(await deps.unwrap(row.wrapped))
    exported.push({
      id: row.id,
      version: row.version,
      objects: streamingKeyset(row.id, objects),
      manifests: manifestKeyset(row.id, manifests),
    })
  }
  return exported
}
