import { DomainError } from '../domain/error.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import { markUploadObjectsDeleting } from '../metadata/tables/objects.ts'
import { deleteUpload, holdUpload } from '../metadata/tables/uploads.ts'

/**
 * How much the uploads of one registry may have. Who limits it, and what is counted, is not this room's business.
 * What a session has reserved goes with its row.
 */
export interface Room {
  /** Raises it to `total` bytes of the session, or to what there is, if that is `least`. What it has. @throws `denied` */
  reserve(sql: Transaction, uploadId: string, want: { readonly total: number; readonly least: number }): Promise<number>
  /** Gives back what is beyond `bytes`. */
  trim(sql: Transaction, uploadId: string, bytes: number): Promise<void>
  /** The session has become this blob, which its repository linked before or not. @throws `denied` */
  commit(
    sql: Transaction,
    uploadId: string,
    blob: { readonly id: number; readonly size: number; readonly repositoryId: number; readonly linked: boolean },
  ): Promise<void>
  /** Is the blob counted already? */
  has(sql: Reader, blobId: number): Promise<boolean>
  /** Counts what may have become free, after a refusal. */
  addUpAgain(): Promise<void>
}

/** Tries once more after a refusal: what was deleted is counted late, by us or just now by somebody else. */
export async function withRoom<T>(room: Room | null, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (room === null || !isDenied(error)) throw error
    await room.addUpAgain()
    return await act()
  }
}

/** What is reserved for it, and stored, must not wait a day for a client that starts anew. Never throws. */
export async function endIfDenied(
  { metadata }: { readonly metadata: MetadataStore },
  error: unknown,
  uploadId: string,
  generation: number,
): Promise<void> {
  if (!isDenied(error)) return
  const end = metadata.transact(async (sql) => {
    if (!(await holdUpload(sql, uploadId, generation))) return
    await markUploadObjectsDeleting(sql, uploadId)
    await deleteUpload(sql, uploadId)
  })
  await end.catch(() => {}) // it ends when it has been idle for long enough
}

function isDenied(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'denied'
}
