import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Answer, EntrepotUnderTest, RequestOptions } from '../../support/server.ts'
import { expectStatus } from '../../support/server.ts'
import { run } from '../../support/tools.ts'

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const program = fileURLToPath(new URL('../../../bin/entrepot', import.meta.url))

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export interface Image {
  readonly repository: string
  readonly tag: string
  readonly config: Buffer
  readonly layers: readonly Buffer[]
  readonly manifest: Buffer
}

export function imageOf(
  repository: string,
  tag: string,
  layers: readonly Buffer[],
  extra: { config?: object; annotations?: Record<string, string> } = {},
): Image {
  const config = Buffer.from(JSON.stringify({ os: 'linux', salt: randomBytes(8).toString('hex'), ...extra.config }))
  const descriptor = (bytes: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(bytes), size: bytes.length })
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
      ...(extra.annotations ? { annotations: extra.annotations } : {}),
    }),
  )
  return { repository, tag, config, layers, manifest }
}

/** A client of one registry, by its API alone: each request on a connection of its own, so each may meet another worker. */
export class RegistryClient {
  readonly server: EntrepotUnderTest
  readonly registry: string
  readonly authorization: string

  constructor(server: EntrepotUnderTest, registry: string, login: { username: string; password: string }) {
    this.server = server
    this.registry = registry
    this.authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  }

  static async create(server: EntrepotUnderTest, registry = 'acme'): Promise<RegistryClient> {
    const { id } = await server.createRegistry(registry)
    return new RegistryClient(server, registry, await server.createToken(id, { name: 'ci' }))
  }

  request(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.server.request(path, { ...options, headers: { authorization: this.authorization, ...options.headers } })
  }

  at(repository: string, rest: string): string {
    return `/v2/${this.registry}/${repository}/${rest}`
  }

  /** The session's path. */
  async startUpload(repository: string): Promise<string> {
    const started = await this.request(this.at(repository, 'blobs/uploads/'), { method: 'POST' })
    return pathOf(expectStatus(started, 202))
  }

  patch(location: string, bytes: Uint8Array, first: number | null = null): Promise<Answer> {
    const range = first === null ? {} : { 'content-range': `${first}-${first + bytes.length - 1}` }
    const headers = { 'content-type': 'application/octet-stream', ...range }
    return this.request(location, { method: 'PATCH', headers, body: bytes })
  }

  put(location: string, digest: string, bytes: Uint8Array = Buffer.alloc(0)): Promise<Answer> {
    const headers = { 'content-type': 'application/octet-stream' }
    return this.request(`${location}?digest=${digest}`, { method: 'PUT', headers, body: bytes })
  }

  async pushBlob(repository: string, bytes: Buffer): Promise<void> {
    expectStatus(await this.put(await this.startUpload(repository), digestOf(bytes), bytes), 201)
  }

  putManifest(image: Image): Promise<Answer> {
    const headers = { 'content-type': OCI_MANIFEST }
    const path = this.at(image.repository, `manifests/${image.tag}`)
    return this.request(path, { method: 'PUT', headers, body: image.manifest })
  }

  async push(image: Image): Promise<void> {
    for (const bytes of [image.config, ...image.layers]) await this.pushBlob(image.repository, bytes)
    expectStatus(await this.putManifest(image), 201)
  }

  blob(repository: string, digest: string, options: RequestOptions = {}): Promise<Answer> {
    return this.request(this.at(repository, `blobs/${digest}`), options)
  }

  manifest(repository: string, reference: string): Promise<Answer> {
    return this.request(this.at(repository, `manifests/${reference}`), { headers: { accept: OCI_MANIFEST } })
  }

  /** Everything of the image, by tag and bit-exact. */
  async assertPullable({ repository, tag, manifest, config, layers }: Image): Promise<void> {
    const pulled = expectStatus(await this.manifest(repository, tag), 200)
    assert.ok(manifest.equals(pulled.body), `${repository}:${tag} is another manifest`)
    for (const bytes of [config, ...layers]) {
      const { body } = expectStatus(await this.blob(repository, digestOf(bytes)), 200)
      assert.ok(bytes.equals(body), `${digestOf(bytes)} of ${repository}:${tag} has other bytes`)
    }
  }

  /** Bytes the session holds. `Range: 0-0` means one byte or none: the specification has no form for none. */
  async uploaded(location: string): Promise<number> {
    const status = expectStatus(await this.request(location), 204)
    return endOf(status)
  }
}

export function endOf(answer: Answer): number {
  const [, last] = /^0-(\d+)$/.exec(String(answer.headers.range)) ?? []
  assert.ok(last !== undefined, `no range in ${answer.status} ${JSON.stringify(answer.headers)}`)
  return last === '0' ? 0 : Number(last) + 1
}

export function pathOf(answer: Answer): string {
  const { location } = answer.headers
  assert.ok(location !== undefined, 'an upload has a location')
  return new URL(location, 'http://any').pathname
}

/** `entrepot check` on the server's data, while it runs or not. */
export async function check(
  server: EntrepotUnderTest,
  args: readonly string[] = [],
): Promise<{ code: number | null; problems: string[]; checked: Record<string, number> }> {
  const env = { ENTREPOT_DATA: server.dataDir, ENTREPOT_MASTER_KEY: server.masterKey }
  const { code, stdout, stderr } = await run(process.execPath, [program, 'check', '--json', ...args], { env })
  assert.ok(code === 0 || code === 1, `check ended with ${code}: ${stdout}${stderr}`)
  const report = parse(stdout, stderr)
  return { code, ...report }
}

function parse(stdout: string, stderr: string): { problems: string[]; checked: Record<string, number> } {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`check printed no JSON: ${stdout}${stderr}`)
  }
}

export async function assertWhole(server: EntrepotUnderTest): Promise<void> {
  const { code, problems } = await check(server)
  assert.deepEqual({ code, problems }, { code: 0, problems: [] })
}
