import type { Digest } from '../domain/digest.ts'
import { algorithmOf, isDigest, parseAlgorithm, parseDigest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import { isRepositoryName } from '../domain/repository-name.ts'
import type { AnswerHeaders } from '../http/answer.ts'
import { answer } from '../http/answer.ts'
import { queryValue } from '../http/query.ts'
import { bodyLength } from '../http/read-body.ts'
import type { UploadBody, UploadState } from '../registry/registry.ts'
import type { DistributionDeps, RepositoryCall } from './call.ts'
import { baseOf } from './call.ts'
import { parseChunkRange } from './chunk-range.ts'
import { API_VERSION, CHUNK_MIN_LENGTH } from './headers.ts'

/** POST /v2/<name>/blobs/uploads/ (end-4a, end-4b, end-11): mounts, takes a whole blob, or opens a session. */
export async function startUpload(deps: DistributionDeps, call: RepositoryCall): Promise<void> {
  const mount = queryValue(call.query, 'mount')
  if (mount !== null && (await mountBlob(deps, call, mount))) return
  const digestText = queryValue(call.query, 'digest')
  if (digestText !== null) return takeWholeBlob(deps, call, parseDigest(digestText))
  const algorithm = parseAlgorithm(queryValue(call.query, 'digest-algorithm') ?? 'sha256')
  const upload = await deps.registry.startUpload(call.place, call.caller, algorithm)
  answerState(call, 202, upload)
}

/** PATCH /v2/<name>/blobs/uploads/<id> (end-5). */
export async function appendToUpload({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const upload = await registry.appendToUpload(call.place, call.caller, uploadId(call), uploadBody(call))
  answerState(call, 202, upload)
}

/** PUT /v2/<name>/blobs/uploads/<id>?digest= (end-6). */
export async function finishUpload({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const digestText = queryValue(call.query, 'digest')
  if (digestText === null)
    throw new DomainError('digest_invalid', 'closing an upload needs its digest: PUT <location>?digest=')
  const digest = parseDigest(digestText)
  const blob = await registry.finishUpload(call.place, call.caller, uploadId(call), digest, uploadBody(call))
  answerCreated(call, blob.digest)
}

/** GET /v2/<name>/blobs/uploads/<id> (end-13). */
export async function uploadStatus({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  answerState(call, 204, await registry.uploadStatus(call.place, call.caller, uploadId(call)))
}

/** DELETE /v2/<name>/blobs/uploads/<id> (end-14). */
export async function cancelUpload({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  await registry.cancelUpload(call.place, call.caller, uploadId(call))
  answer(call.res, 204, { 'docker-distribution-api-version': API_VERSION })
}

export function uploadLocation(call: RepositoryCall, id: string): string {
  return `${baseOf(call)}/blobs/uploads/${id}`
}

/** `0-<last byte>`; nothing at all has no form of its own, and every client reads `0-0`. */
function uploadRange(size: number): string {
  return `0-${Math.max(0, size - 1)}`
}

/** A mount that cannot be is no error: the answer is then that of an ordinary POST. */
async function mountBlob(deps: DistributionDeps, call: RepositoryCall, mount: string): Promise<boolean> {
  if (!isDigest(mount)) return false
  const from = queryValue(call.query, 'from')
  const source = from === null ? null : sourceOf(call, from)
  if (from !== null && source === null) return false
  if (!(await deps.registry.mountBlob(call.place, call.caller, mount, source))) return false
  answerCreated(call, mount)
  return true
}

/** `from` is written like any name: behind its registry in path style. Another registry shares nothing. */
function sourceOf(call: RepositoryCall, from: string): RepositoryName | null {
  if (call.site.style === 'host') return isRepositoryName(from) ? from : null
  const registry = `${call.grant.registry?.name ?? ''}/`
  const repository = from.slice(registry.length)
  return from.startsWith(registry) && isRepositoryName(repository) ? repository : null
}

async function takeWholeBlob(deps: DistributionDeps, call: RepositoryCall, digest: Digest): Promise<void> {
  const { registry } = deps
  const body = uploadBody(call)
  const upload = await registry.startUpload(call.place, call.caller, algorithmOf(digest))
  try {
    const blob = await registry.finishUpload(call.place, call.caller, upload.id, digest, body)
    answerCreated(call, blob.digest)
  } catch (error) {
    // The client never learns this session's id, so nobody could continue it.
    await registry.cancelUpload(call.place, call.caller, upload.id).catch(() => undefined)
    throw error
  }
}

function uploadBody(call: RepositoryCall): UploadBody {
  const length = bodyLength(call.req)
  return { stream: call.req, length, range: parseChunkRange(call.req.headers['content-range'], length) }
}

const UPLOAD_ID = /^[A-Za-z0-9_-]{1,128}$/

function uploadId(call: RepositoryCall): string {
  if (UPLOAD_ID.test(call.path.last)) return call.path.last
  throw new DomainError(
    'blob_upload_unknown',
    'no such upload: it ended, was cancelled or never began; start again with POST',
  )
}

function answerState(call: RepositoryCall, status: 202 | 204, upload: UploadState): void {
  const headers: AnswerHeaders = {
    'docker-distribution-api-version': API_VERSION,
    location: uploadLocation(call, upload.id),
    range: uploadRange(upload.size),
    'docker-upload-uuid': upload.id,
    'oci-chunk-min-length': CHUNK_MIN_LENGTH,
  }
  if (status !== 204) headers['content-length'] = 0
  answer(call.res, status, headers)
}

function answerCreated(call: RepositoryCall, digest: Digest): void {
  answer(call.res, 201, {
    'docker-distribution-api-version': API_VERSION,
    location: `${baseOf(call)}/blobs/${digest}`,
    'docker-content-digest': digest,
    'content-length': 0,
  })
}
