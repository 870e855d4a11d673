import type { Transaction } from '../metadata-store.ts'
import { addCandidate } from './gc-candidates.ts'

export type DeletionKind = 'registry' | 'repository' | 'manifest' | 'tag' | 'blob' | 'token'

/**
 * One act of deleting, and its turn in the review queue at the end of quarantine, `purgeAfter` (milliseconds UTC). What it
 * hides carries the returned id, and restoring undoes exactly that id. The contract is the registry's.
 */
export async function addDeletion(
  sql: Transaction,
  deletion: {
    readonly kind: DeletionKind
    readonly registryId: number
    /** What was named: a digest, a tag, a repository, a registry. */
    readonly subject: string
    readonly deletedBy: string
    readonly purgeAfter: number
  },
): Promise<number> {
  const { kind, registryId, subject, deletedBy, purgeAfter } = deletion
  const row = await sql.get<{ id: number }>`
    INSERT INTO deletions (kind, contract_id, registry_id, subject, deleted_by, deleted_at, purge_after)
    VALUES (${kind}, (SELECT contract_id FROM registries WHERE id = ${registryId}), ${registryId}, ${subject}, ${deletedBy},
            ${sql.now()}, ${purgeAfter})
    RETURNING id`
  if (!row) throw new TypeError('an insert returns its row')
  const reason = `${kind} deleted`
  await addCandidate(sql, { registryId, kind: 'deletion', subjectId: row.id, reason, reviewAfter: purgeAfter })
  return row.id
}
