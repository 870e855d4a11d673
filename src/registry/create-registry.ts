import { appendToUpload } from './append-upload.ts'
import { BlobParts, mountBlob, openBlob, statBlob } from './blobs.ts'
import { deleteBlob, deleteManifest } from './delete-manifest.ts'
import type { RegistryDeps } from './deps.ts'
import { finishUpload } from './finish-upload.ts'
import { listReferrers, listRepositories, listTags } from './lists.ts'
import { pullManifest, statManifest } from './pull-manifest.ts'
import { pushManifest } from './push-manifest.ts'
import type { Registry } from './registry.ts'
import { cancelUpload, startUpload, uploadStatus } from './upload-session.ts'

/** Binds the acts. */
export function createRegistry(deps: RegistryDeps): Registry {
  const parts = new BlobParts()
  return {
    startUpload: (place, caller, algorithm) => startUpload(deps, place, caller, algorithm),
    mountBlob: (place, caller, digest, from) => mountBlob(deps, place, caller, digest, from),
    uploadStatus: (place, caller, id) => uploadStatus(deps, place, caller, id),
    appendToUpload: (place, caller, id, body) => appendToUpload(deps, place, caller, id, body),
    finishUpload: (place, caller, id, digest, body) => finishUpload(deps, place, caller, id, digest, body),
    cancelUpload: (place, caller, id) => cancelUpload(deps, place, caller, id),
    statBlob: (place, caller, digest) => statBlob(deps, place, caller, digest),
    openBlob: (place, _caller, digest) => openBlob(deps, parts, place, digest),
    deleteBlob: (place, caller, digest) => deleteBlob(deps, place, caller, digest),
    pullManifest: (place, caller, reference, count) => pullManifest(deps, place, caller, reference, count),
    statManifest: (place, caller, reference) => statManifest(deps, place, caller, reference),
    pushManifest: (place, caller, reference, tags, manifest) =>
      pushManifest(deps, place, caller, reference, tags, manifest),
    deleteManifest: (place, caller, reference) => deleteManifest(deps, place, caller, reference),
    listTags: (place, page) => listTags(deps, place, page),
    listReferrers: (place, subject, filter, page) => listReferrers(deps, place, subject, filter, page),
    listRepositories: (registryId, page) => listRepositories(deps, registryId, page),
  }
}
