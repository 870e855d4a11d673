import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import type { Descriptor, Image, Manifest } from './images.ts'
import { blobPath, closure, platformImages } from './images.ts'
import type { Target } from './target.ts'

/** What the server itself answers, asked without any client program: Basic on every request, no token. */
export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  digest: string
  size: number
  text(): string
}

/** Larger blobs are left to the client to read and compare. */
const READ_BYTES = 64 << 20

export type AskOptions = { headers?: Record<string, string | number>; body?: Buffer }

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

export async function ask(target: Target, method: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const { username, password } = target.writer
  const request = (target.ca ? https : http).request(new URL(path, target.url), {
    method,
    ...(target.ca ? { ca: target.ca } : {}),
    auth: `${username}:${password}`,
    headers: { accept: [...MANIFEST_TYPES, '*/*'].join(), ...options.headers },
  })
  request.end(options.body)
  return readAnswer(await new Promise((resolve, reject) => request.on('response', resolve).on('error', reject)))
}

/** Pushes a small image byte for byte, for clients that can pull what they cannot push. */
export async function pushOverWire(target: Target, { repository, tag }: Name, image: Image) {
  const parts = await closure(image.folder, image.top)
  const isManifest = ({ mediaType }: Descriptor) => MANIFEST_TYPES.includes(mediaType)
  for (const { digest } of parts.filter((part) => !isManifest(part))) {
    const body = await readFile(blobPath(image.folder, digest))
    const opened = await ask(target, 'POST', `/v2/${repository}/blobs/uploads/`, { headers: { 'content-length': 0 } })
    const location = new URL(opened.headers.location ?? '', target.url)
    location.searchParams.set('digest', digest)
    const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length }
    assertCreated(await ask(target, 'PUT', location.href, { headers, body }))
  }
  for (const { digest, mediaType } of parts.filter(isManifest).reverse()) {
    const body = await readFile(blobPath(image.folder, digest))
    const reference = digest === image.top.digest ? tag : digest
    const headers = { 'content-type': mediaType, 'content-length': body.length }
    assertCreated(await ask(target, 'PUT', `/v2/${repository}/manifests/${reference}`, { headers, body }))
  }
}

function assertCreated(answer: Answer) {
  assert.equal(answer.status, 201, answer.text())
}

/** Fails unless the server serves the tag as `image`, with every byte of it when the client `keepsBytes`. */
export async function assertServerHolds(target: Target, { repository, tag }: Name, image: Image, keepsBytes: boolean) {
  const top = await ask(target, 'GET', `/v2/${repository}/manifests/${tag}`)
  assert.equal(top.status, 200, `GET manifest ${repository}:${tag}: ${top.text()}`)
  assert.equal(top.headers['docker-content-digest'], top.digest)
  if (!keepsBytes) return assertSameConfigs(target, repository, JSON.parse(top.text()), image)
  assert.equal(top.digest, image.top.digest)
  for (const descriptor of await closure(image.folder, image.top)) await assertServes(target, repository, descriptor)
}

export interface Name {
  repository: string
  tag: string
}

async function assertServes(target: Target, repository: string, { mediaType, digest, size }: Descriptor) {
  const part = MANIFEST_TYPES.includes(mediaType) ? 'manifests' : 'blobs'
  const path = `/v2/${repository}/${part}/${digest}`
  if (size > READ_BYTES) return assert.equal((await ask(target, 'HEAD', path)).headers['content-length'], String(size))
  const got = await ask(target, 'GET', path)
  assert.deepEqual(
    { status: got.status, digest: got.digest, size: got.size },
    { status: 200, digest, size },
    `GET ${path}`,
  )
}

/** Fails unless the server lists `artifact`, and nothing else, as referring to `subject`. */
export async function assertReferredBy(target: Target, repository: string, subject: Image, artifact: Image) {
  const answer = await ask(target, 'GET', `/v2/${repository}/referrers/${subject.top.digest}`)
  if (answer.status === 404) return // distribution has no referrers; ours answers 200 for any name in one's registry
  const { manifests }: { manifests: Descriptor[] } = JSON.parse(answer.text())
  assert.deepEqual(
    manifests.map(({ digest, artifactType }) => ({ digest, artifactType })),
    [{ digest: artifact.top.digest, artifactType: artifact.top.artifactType }],
  )
}

/** For clients that compress layers anew: the configs, which name the uncompressed layers, still have to be the same. */
async function assertSameConfigs(target: Target, repository: string, top: Manifest, image: Image) {
  const manifests: Manifest[] = []
  for (const child of top.manifests ?? []) {
    manifests.push(JSON.parse((await ask(target, 'GET', `/v2/${repository}/manifests/${child.digest}`)).text()))
  }
  const got = (top.manifests ? manifests : [top]).map((manifest) => manifest.config?.digest)
  if (image.kind === 'zstd') assert.match(top.layers?.[0]?.mediaType ?? '', /\+zstd$/)
  assert.deepEqual(got.sort(), (await platformImages(image)).map(({ config }) => config.digest).sort())
}

async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    hash.update(chunk)
    if (size < READ_BYTES) kept.push(chunk)
    size += chunk.length
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    digest: `sha256:${hash.digest('hex')}`,
    size,
    text: () => Buffer.concat(kept).toString(),
  }
}
