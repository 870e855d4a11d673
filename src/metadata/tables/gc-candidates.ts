import type { Transaction } from '../metadata-store.ts'

/** Something may have become free: the collector decides again, under lock, once `reviewAfter` has passed. */
export async function addCandidate(
  sql: Transaction,
  candidate: {
    registryId: number
    kind: 'blob' | 'link' | 'manifest' | 'deletion'
    subjectId: number
    reason: string
    reviewAfter: number
  },
): Promise<void> {
  await sql.run`
    INSERT INTO gc_candidates (registry_id, kind, subject_id, reason, review_after)
    VALUES (${candidate.registryId}, ${candidate.kind}, ${candidate.subjectId}, ${candidate.reason}, ${candidate.reviewAfter})`
}
