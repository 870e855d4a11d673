/** What `check` can find wrong. A word here is read by scripts: never rename one. */
export type ProblemKind =
  | 'database_damaged' // the database engine itself complains
  | 'store_unmarked' // nothing says whose store this is
  | 'key_unreadable' // a data key does not unwrap: nothing it encrypted can be read
  | 'registry_without_key'
  | 'object_without_row' // bytes nobody refers to
  | 'object_foreign' // a name in the store that is no object's
  | 'object_missing' // a row, but no bytes
  | 'object_size' // the stored bytes are too few or too many
  | 'object_without_owner' // a stored object of no blob and no session: never removed, never read
  | 'blob_parts' // a blob's objects are not contiguous, not stored, or do not add up
  | 'blob_damaged' // its bytes do not decrypt, or not to its digest
  | 'manifest_damaged' // does not decrypt, not to its digest, or is no manifest
  | 'manifest_rows' // what the database says of it differs from what it says itself
  | 'manifest_incomplete' // config or layer that its repository cannot serve
  | 'tag_stray' // points outside its repository
  | 'link_stray' // a repository may serve a blob that is not there
  | 'upload_parts' // an open session whose objects do not add up
  | 'counters_missing'
  | 'counters_wrong' // lists show too much or too little

export interface Problem {
  readonly kind: ProblemKind
  /** What is wrong, as an operator would look for it: an object id, a blob's digest, `repository@digest`. */
  readonly subject: string
  /** How it is wrong. */
  readonly detail: string
}

/** What was looked at. */
export interface Counted {
  keys: number
  registries: number
  repositories: number
  manifests: number
  tags: number
  links: number
  blobs: number
  /** Plaintext bytes of live blobs. */
  blobBytes: number
  /** Rows. */
  objects: number
  /** Files or S3 objects. */
  stored: number
  /** Ciphertext bytes. */
  storedBytes: number
  uploads: number
}

/** What is under way or waits for the sweep: no damage. */
export interface Pending {
  /** Objects being written. */
  writing: number
  /** Objects whose writer died: its lease has ended. */
  abandoned: number
  /** Objects and blobs whose bytes are being removed. */
  deleting: number
  /** Objects without a row, younger than a day. */
  young: number
}

export interface Figures {
  readonly counted: Counted
  readonly pending: Pending
  /** Objects without a row that `repair` removed. */
  repaired: number
}

export function noFigures(): Figures {
  return {
    counted: {
      keys: 0,
      registries: 0,
      repositories: 0,
      manifests: 0,
      tags: 0,
      links: 0,
      blobs: 0,
      blobBytes: 0,
      objects: 0,
      stored: 0,
      storedBytes: 0,
      uploads: 0,
    },
    pending: { writing: 0, abandoned: 0, deleting: 0, young: 0 },
    repaired: 0,
  }
}
