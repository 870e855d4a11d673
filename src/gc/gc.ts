import type { GcDeps } from './deps.ts'
import { expireUploads } from './expire-uploads.ts'
import { removeObjects } from './remove-objects.ts'

/** What may be forgotten. This far: ended uploads and the bytes nobody owns; the collector of blobs comes on top. */
export interface Gc {
  /** Ends idle sessions and gives up objects of dead writers. @returns how many sessions ended. */
  expireUploads(): Promise<number>
  /** Removes the bytes, then the rows, of objects that are marked for it. @returns how many. */
  removeObjects(): Promise<number>
}

export function createGc(deps: GcDeps): Gc {
  return {
    expireUploads: () => expireUploads(deps),
    removeObjects: () => removeObjects(deps),
  }
}
