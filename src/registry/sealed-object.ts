import type { ObjectId, ObjectWriter } from '../blobs/blob-store.ts'
import { StreamSealer } from '../encryption/tink-stream.ts'

/** Ciphertext waits until this much is there (or the object ends): one write call per megabyte. */
const WRITE_BYTES = 512 * 1024
