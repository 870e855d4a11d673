import type { Readable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../domain/digest.ts'
import type { Reference, TagName } from '../domain/reference.ts'
import type { RepositoryName } from '../domain/repository-name.ts'

/** Where an act happens: by internal registry id and relative name, so that path style and host style cannot be confused. */
export interface Place {
  readonly registryId: number
  readonly repository: RepositoryName
}

/** Who acts, as far as the data plane's acts must know. Authorization happened before. */
export interface Caller {
  /** For audit, `pushed_by` and the like. */
  readonly name: string
  /** Where the request comes from, for audit. */
  readonly address?: string | undefined
  /** `kind:id`: an upload may be continued by its opener only. */
  readonly key: string
  /**
   * The rights of the principal itself, not of a JWT's access entries: whoever may push renews the lease of whatever it
   * is told not to upload (docs/garbage-collection.md).
   */
  readonly mayPush: boolean
  /** The auth epoch was asked for to admit this very request: what was seen since may be answered (`seenState`). */
  readonly admittedNow?: true
  /** May the principal pull from this other repository of the same registry (mounts)? */
  mayPull(repository: RepositoryName): boolean
}

export interface ManifestFacts {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
}
export interface Manifest extends ManifestFacts {
  readonly bytes: Uint8Array
}

export interface PushedManifest {
  readonly digest: Digest
  /** Set when the manifest names a subject: the answer carries `OCI-Subject`. */
  readonly subject: Digest | null
  /** The tags set by this push, in order: `OCI-Tag`. */
  readonly tags: readonly TagName[]
}

export interface UploadState {
  readonly id: string
  /** Bytes acknowledged so far. */
  readonly size: number
}

/** Content-Range of a chunk, both inclusive as on the wire: `<first>-<last>`. */
export interface ChunkRange {
  readonly first: number
  readonly last: number
}

export interface UploadBody {
  readonly stream: Readable
  /** Content-Length, or null when chunked. */
  readonly length: number | null
  readonly range: ChunkRange | null
}

export interface OpenedBlob {
  readonly digest: Digest
  /** Of the whole blob. */
  readonly size: number
  /**
   * Bytes `start` (inclusive) to `end` (exclusive); every chunk was authenticated before it is handed out, and is the reader's until it
   * asks for the next one.
   */
  read(start: number, end: number): AsyncIterable<Uint8Array>
  /** The same, all at once, if it lies decrypted in memory: the hot path. Chunks are shared: do not write to them. */
  peek(start: number, end: number): Uint8Array[] | null
}

export interface Page {
  readonly limit: number
  /** Strictly after this name, in byte order; null: from the beginning. */
  readonly after: string | null
}

export interface ReferrerDescriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** The data plane's acts, without HTTP. Every method may throw `unavailable`. Source: distribution-spec main. */
export interface Registry {
  // uploads (design.md 6)
  /** Opens a session; nothing is visible yet. @throws `storage_full` under the low-disk watermark. */
  startUpload(place: Place, caller: Caller, algorithm: DigestAlgorithm): Promise<UploadState>
  /**
   * Links `digest` from `from` (or, with null, from any repository of the registry the caller may pull) into `place`.
   * False when that is not possible: the client uploads instead. Never an error that tells what exists.
   */
  mountBlob(place: Place, caller: Caller, digest: Digest, from: RepositoryName | null): Promise<boolean>
  /** @throws `blob_upload_unknown` */
  uploadStatus(place: Place, caller: Caller, id: string): Promise<UploadState>
  /** @throws `blob_upload_unknown`, `range_invalid` (header `range` tells the true state), `size_invalid`. */
  appendToUpload(place: Place, caller: Caller, id: string, body: UploadBody): Promise<UploadState>
  /** Appends `body` (may be empty) and commits. @throws also `digest_mismatch`, keeping nothing. */
  finishUpload(
    place: Place,
    caller: Caller,
    id: string,
    digest: Digest,
    body: UploadBody,
  ): Promise<{ digest: Digest; size: number }>
  /** @throws `blob_upload_unknown` */
  cancelUpload(place: Place, caller: Caller, id: string): Promise<void>

  // blobs
  /** Null when absent. Renews the lease for callers that may push. */
  statBlob(place: Place, caller: Caller, digest: Digest): Promise<{ digest: Digest; size: number } | null>
  /** @throws `blob_unknown` */
  openBlob(place: Place, caller: Caller, digest: Digest): Promise<OpenedBlob>
  /** @throws `blob_unknown`, `in_use` naming the manifest. */
  deleteBlob(place: Place, caller: Caller, digest: Digest): Promise<void>

  // manifests and tags (design.md 7)
  /** @throws `manifest_unknown`. Counts as a pull only when `count`. */
  pullManifest(place: Place, caller: Caller, reference: Reference, count: boolean): Promise<Manifest>
  /** Null when absent. Renews the lease for callers that may push. */
  statManifest(place: Place, caller: Caller, reference: Reference): Promise<ManifestFacts | null>
  /**
   * Stores `bytes` and moves the reference's tag (or `tags`, with a digest reference) in one transaction.
   * @throws `manifest_invalid`, `manifest_blob_unknown`, `digest_mismatch`, `manifest_too_large`.
   */
  pushManifest(
    place: Place,
    caller: Caller,
    reference: Reference,
    tags: readonly TagName[],
    manifest: { readonly mediaType: string | null; readonly bytes: Uint8Array },
  ): Promise<PushedManifest>
  /** With a tag: the tag only. With a digest: the manifest and its tags. @throws `manifest_unknown`, `in_use` naming the parent. */
  deleteManifest(place: Place, caller: Caller, reference: Reference): Promise<void>
  /** Tag names in byte order. @throws `name_unknown` when the repository does not exist. */
  listTags(place: Place, page: Page): Promise<{ names: string[]; more: boolean }>
  /** In digest order; of an absent repository or subject: none. */
  listReferrers(
    place: Place,
    subject: Digest,
    filter: { artifactType: string | null },
    page: Page,
  ): Promise<{ referrers: ReferrerDescriptor[]; more: boolean }>
  /** Repository names of the registry in byte order. */
  listRepositories(registryId: number, page: Page): Promise<{ names: string[]; more: boolean }>
}
