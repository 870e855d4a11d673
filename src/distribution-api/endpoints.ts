import type { Action } from '../domain/permission.ts'
import { deleteBlob, getBlob, headBlob } from './blobs.ts'
import type { RepositoryHandler } from './call.ts'
import { deleteManifest, getManifest, headManifest, putManifest } from './manifests.ts'
import type { PathKind } from './path.ts'
import { listReferrers } from './referrers.ts'
import { listTags } from './tags.ts'
import { appendToUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts'

export interface Endpoint {
  /** The right it needs. All about an upload is done with the right that opened it. */
  readonly action: Action
  readonly handle: RepositoryHandler
}

type Methods = Readonly<Record<string, Endpoint>>
export type RepositoryKind = Exclude<PathKind, 'ping' | 'catalog' | 'unknown'>

const tags: Endpoint = { action: 'pull', handle: listTags }
const referrers: Endpoint = { action: 'pull', handle: listReferrers }
const status: Endpoint = { action: 'push', handle: uploadStatus }

/** Every endpoint about a repository, by path and method. */
export const ENDPOINTS: Readonly<Record<RepositoryKind, Methods>> = {
  manifest: {
    GET: { action: 'pull', handle: getManifest },
    HEAD: { action: 'pull', handle: headManifest },
    PUT: { action: 'push', handle: putManifest },
    DELETE: { action: 'delete', handle: deleteManifest },
  },
  blob: {
    GET: { action: 'pull', handle: getBlob },
    HEAD: { action: 'pull', handle: headBlob },
    DELETE: { action: 'delete', handle: deleteBlob },
  },
  uploads: { POST: { action: 'push', handle: startUpload } },
  upload: {
    GET: status,
    HEAD: status,
    PATCH: { action: 'push', handle: appendToUpload },
    PUT: { action: 'push', handle: finishUpload },
    DELETE: { action: 'push', handle: cancelUpload },
  },
  tags: { GET: tags, HEAD: tags },
  referrers: { GET: referrers, HEAD: referrers },
}
