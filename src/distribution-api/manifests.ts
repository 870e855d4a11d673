import type { Digest } from '../domain/digest.ts'
import { DomainError } from '../domain/error.ts'
import type { Reference } from '../domain/reference.ts'
import { parseReference, parseTagName } from '../domain/reference.ts'
import type { AnswerHeaders } from '../http/answer.ts'
import { answer } from '../http/answer.ts'
import { matchesEntityTag } from '../http/entity-tag.ts'
import { queryValues } from '../http/query.ts'
import { BodyTooLarge, readAtMost } from '../http/read-body.ts'
import type { ManifestFacts } from '../registry/registry.ts'
import type { DistributionDeps, RepositoryCall } from './call.ts'
import { baseOf } from './call.ts'
import { WireError } from './errors.ts'
import { API_VERSION, FOREVER, REVALIDATE, withWarnings } from './headers.ts'

/** GET /v2/<name>/manifests/<reference> (end-3). What is stored is served, whatever Accept says: it has one form only. */
export async function getManifest({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const reference = parseReference(call.path.last)
  const known = call.req.headers['if-none-match']
  if (known !== undefined) {
    const facts = await registry.statManifest(call.place, call.caller, reference)
    if (facts !== null && matchesEntityTag(known, `"${facts.digest}"`))
      return notModified(call, facts.digest, reference)
  }
  const manifest = await registry.pullManifest(call.place, call.caller, reference, true)
  answer(call.res, 200, withWarnings(manifestHeaders(manifest, reference), call.grant.warnings()), manifest.bytes)
}

/** HEAD /v2/<name>/manifests/<reference> (end-3). */
export async function headManifest({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  const reference = parseReference(call.path.last)
  const facts = await registry.statManifest(call.place, call.caller, reference)
  if (facts === null) throw manifestUnknown(call.path.last)
  const known = call.req.headers['if-none-match']
  if (known !== undefined && matchesEntityTag(known, `"${facts.digest}"`)) {
    return notModified(call, facts.digest, reference)
  }
  answer(call.res, 200, withWarnings(manifestHeaders(facts, reference), call.grant.warnings()))
}

/** More than this many tags in one push are refused with 414, as the specification asks of a registry that has a limit. */
const MAX_TAGS = 100

/** PUT /v2/<name>/manifests/<reference> (end-7), with `?tag=` as often as wanted behind a digest (end-7b). */
export async function putManifest(deps: DistributionDeps, call: RepositoryCall): Promise<void> {
  const reference = parseReference(call.path.last)
  const tags = tagsOf(call.query, reference)
  const bytes = await readManifest(call, deps.maxManifestBytes)
  const mediaType = mediaTypeOf(call.req.headers['content-type'])
  const pushed = await deps.registry.pushManifest(call.place, call.caller, reference, tags, { mediaType, bytes })
  const headers: AnswerHeaders = {
    'docker-distribution-api-version': API_VERSION,
    location: `${baseOf(call)}/manifests/${pushed.digest}`,
    'docker-content-digest': pushed.digest,
    'content-length': 0,
  }
  if (pushed.subject !== null) headers['oci-subject'] = pushed.subject
  if (reference.kind === 'digest' && pushed.tags.length > 0) headers['oci-tag'] = [...pushed.tags]
  answer(call.res, 201, withWarnings(headers, call.grant.warnings()))
}

/** DELETE /v2/<name>/manifests/<reference> (end-9): of a tag only the tag goes. */
export async function deleteManifest({ registry }: DistributionDeps, call: RepositoryCall): Promise<void> {
  await registry.deleteManifest(call.place, call.caller, parseReference(call.path.last))
  answer(call.res, 202, { 'docker-distribution-api-version': API_VERSION, 'content-length': 0 })
}

async function readManifest(call: RepositoryCall, limit: number): Promise<Buffer> {
  try {
    return await readAtMost(call.req, limit)
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error
    throw new DomainError(
      'manifest_too_large',
      `a manifest may have at most ${limit} bytes here (setting maxManifestBytes)`,
    )
  }
}

function manifestHeaders(manifest: ManifestFacts, reference: Reference): AnswerHeaders {
  return {
    'docker-distribution-api-version': API_VERSION,
    'content-type': manifest.mediaType,
    'content-length': manifest.size,
    'docker-content-digest': manifest.digest,
    etag: `"${manifest.digest}"`,
    'cache-control': cacheControl(reference),
    'x-content-type-options': 'nosniff',
  }
}

function notModified(call: RepositoryCall, digest: Digest, reference: Reference): void {
  const headers = {
    'docker-distribution-api-version': API_VERSION,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': cacheControl(reference),
  }
  answer(call.res, 304, withWarnings(headers, call.grant.warnings()))
}

function cacheControl(reference: Reference): string {
  return reference.kind === 'digest' ? FOREVER : REVALIDATE
}

function tagsOf(query: string, reference: Reference) {
  const texts = queryValues(query, 'tag')
  if (texts.length > 0 && reference.kind === 'tag') {
    throw new DomainError('tag_invalid', 'the parameter tag is for pushes by digest: write the digest in the path')
  }
  if (texts.length > MAX_TAGS) {
    throw new WireError(414, 'TAG_INVALID', `one push may set at most ${MAX_TAGS} tags; these are ${texts.length}`)
  }
  return [...new Set(texts.map(parseTagName))]
}

/** Without parameters: `application/json; charset=utf-8` is `application/json`. */
function mediaTypeOf(contentType: string | undefined): string | null {
  if (contentType === undefined) return null
  const semicolon = contentType.indexOf(';')
  const mediaType = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim()
  return mediaType === '' ? null : mediaType
}

function manifestUnknown(reference: string): DomainError {
  return new DomainError('manifest_unknown', `no manifest ${reference} in this repository`)
}
