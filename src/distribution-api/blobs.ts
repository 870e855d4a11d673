import type { Digest } from '../domain/digest.ts'
import { parseDigest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { AnswerHeaders } from '../http/answer.ts'
import { answer } from '../http/answer.ts'
import type { ByteRange } from '../http/byte-range.ts'
import { contentRange, parseByteRange, unsatisfiedRange } from '../http/byte-range.ts'
import { allowsRange, matchesEntityTag } from '../http/entity-tag.ts'
import { sendBody, sendChunks } from '../http/send-body.ts'
import type { OpenedBlob } from '../registry/registry.ts'
import type { DistributionDeps, RepositoryCall } from './call.ts'
import { API_VERSION, FOREVER } from './headers.ts'

/** GET /v2/<name>/blobs/<digest> (end-2), whole or a range. */
export async function getBlob({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const digest = parseDigest(call.path.last)
  const { headers } = call.req
  const known = headers['if-none-match']
  if (known !== undefined && matchesEntityTag(known, `"${digest}"`)) {
    if ((await registry.statBlob(call.place, call.caller, digest)) === null) throw blobUnknown(digest)
    return notModified(call, digest)
  }
  const blob = await registry.openBlob(call.place, call.caller, digest)
  const range = allowsRange(headers['if-range'] as string | undefined, `"${digest}"`) ? headers.range : undefined
  const part = parseByteRange(range, blob.size)
  if (part === 'unsatisfiable') throw notSatisfiable(blob.size)
  await sendPart(call, blob, part)
}

/** HEAD /v2/<name>/blobs/<digest> (end-2). */
export async function headBlob({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const digest = parseDigest(call.path.last)
  const blob = await registry.statBlob(call.place, call.caller, digest)
  if (blob === null) throw blobUnknown(digest)
  const known = call.req.headers['if-none-match']
  if (known !== undefined && matchesEntityTag(known, `"${digest}"`)) return notModified(call, digest)
  answer(call.res, 200, { ...blobHeaders(digest), 'content-length': blob.size })
}

/** DELETE /v2/<name>/blobs/<digest> (end-10). */
export async function deleteBlob({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  await registry.deleteBlob(call.place, call.caller, parseDigest(call.path.last))
  answer(call.res, 202, { 'docker-distribution-api-version': API_VERSION, 'content-length': 0 })
}

/** A slow client holds on to what is queued for it: more than this is read piece by piece, also when it is in memory. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

async function sendPart(call: RepositoryCall, blob: OpenedBlob, part: ByteRange | null): Promise<void> {
  const { start, end } = part ?? { start: 0, end: blob.size }
  const headers: AnswerHeaders = { ...blobHeaders(blob.digest), 'content-length': end - start }
  if (part !== null) headers['content-range'] = contentRange(part, blob.size)
  const status = part === null ? 200 : 206
  if (end === start) return answer(call.res, status, headers)
  const chunks = end - start <= MAX_QUEUED_BYTES ? blob.peek(start, end) : null
  if (chunks !== null) return sendChunks(call.res, { status, headers }, chunks)
  await sendBody(call.res, { status, headers, length: end - start, source: blob.read(start, end) })
}

function blobHeaders(digest: Digest): AnswerHeaders {
  return {
    'docker-distribution-api-version': API_VERSION,
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': FOREVER,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
  }
}

function notModified(call: RepositoryCall, digest: Digest): void {
  answer(call.res, 304, {
    'docker-distribution-api-version': API_VERSION,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': FOREVER,
  })
}

function notSatisfiable(size: number): DomainError {
  return new DomainError('range_not_satisfiable', `the range lies outside of the blob's ${size} bytes`, {
    headers: { 'content-range': unsatisfiedRange(size) },
  })
}

function blobUnknown(digest: Digest): DomainError {
  return new DomainError('blob_unknown', `no blob ${digest} in this repository`)
}
