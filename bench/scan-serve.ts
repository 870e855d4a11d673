import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { EntrepotUnderTest } from '../test/support/server.ts'
import { expectStatus, startEntrepot } from '../test/support/server.ts'
import { groupMembers, must, removeAtExit } from '../test/support/tools.ts'
import { Client } from './client.ts'
import type { Blob } from './images.ts'
import { blobOf, manifestType, pushBlob, pushManifest } from './images.ts'
import type { BenchLayer, ScanImages } from './scan-images.ts'
import { scanImages } from './scan-images.ts'
import type { ScanFigure, ScanPart } from './scan-result.ts'
import { spreadOf } from './statistics.ts'
import type { Subject } from './subject.ts'
import { hammer } from './wrk.ts'

const program = fileURLToPath(new URL('../bin/entrepot', import.meta.url))
const ROUNDS = 5
const COLD_SECONDS = 1.5
const KNOWN_SECONDS = 0.3
const P99_RATIO = 1.5
/** Images that nobody has read: enough for as long as manifests are asked for. */
const UNREAD = 8
const WRK = { seconds: 4, rounds: 3 }

/** From the moment a push is acknowledged until its report is there; and what scans do to others' requests. */
export const part: ScanPart = {
  measure: async ({ advisories, scale }) => {
    const rounds = Math.max(1, Math.round(ROUNDS * scale))
    const images = await scanImages()
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-serve-'))
    removeAtExit(folder)
    await must(process.execPath, [program, 'advisories', 'import', advisories], { env: { ENTREPOT_DATA: folder } })
    const figures: ScanFigure[] = []
    for (const form of ['gzip', 'zstd'] as const)
      figures.push(...(await pushes(images, { form, advisories: folder, rounds })))
    figures.push(...(await meanwhile(images, folder)))
    await rm(folder, { recursive: true })
    return figures
  },
}

/** As it is shipped, with advisories in force, after its first small image. */
async function startScanning(advisories: string): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'entrepot-bench-data-'))
  removeAtExit(dataDir)
  await mkdir(join(dataDir, 'advisories'), { recursive: true })
  await cp(join(advisories, 'advisories'), join(dataDir, 'advisories'), { recursive: true })
  const server = await startEntrepot({ dataDir, env: { ENTREPOT_WORKERS: undefined } })
  const registry = await registryOf(server, 'scanned', true)
  const world = { server, dataDir, ...registry }
  using client = new Client(world.subject)
  const osRelease = Buffer.from('ID=debian\nVERSION_ID="12"\n')
  const small = blobOf(gzipSync(tarOf('etc/os-release', osRelease)))
  for (let tries = 0; tries < 20; tries += 1) {
    const pushed = await pushImage(client, 'scanned/small', [{ blob: small, diffId: '' }], 'gzip')
    const { report } = await reportOf(world, 'small', pushed)
    if (report.advisories !== null) return world
    await sleep(500)
  }
  throw new Error('advisories did not come into force')
}

interface World {
  readonly server: EntrepotUnderTest
  readonly dataDir: string
  readonly registryId: string
  readonly subject: Subject
}

async function stop({ server, dataDir }: World): Promise<void> {
  await server[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
}

async function registryOf(server: EntrepotUnderTest, name: string, enabled: boolean) {
  const { id } = await server.createRegistry(name, { features: { vulnerabilityScanning: { enabled } } })
  const token = await server.createToken(id, { name: 'bench' })
  const authorization = `Basic ${Buffer.from(`${token.username}:${token.password}`).toString('base64')}`
  const subject: Subject = {
    name: 'entrepot',
    port: server.port,
    authorization,
    pids: () => groupMembers(server.pid),
    restart: () => Promise.reject(new Error('not here')),
    logs: server.logs,
    fixture: (_, make) => make(),
    [Symbol.asyncDispose]: async () => {},
  }
  return { registryId: id, subject }
}

interface PushedLayer {
  readonly blob: Blob
  readonly diffId: string
}

async function layersOf(layers: readonly BenchLayer[], form: 'gzip' | 'zstd'): Promise<PushedLayer[]> {
  return await Promise.all(
    layers.map(async (layer) => {
      const { digest, size, path } = layer[form]
      return { blob: { parts: [await readFile(path)], size, digest }, diffId: layer.diffId }
    }),
  )
}

/** @returns the manifest's digest, when its push is acknowledged. */
async function pushImage(
  client: Client,
  repository: string,
  layers: readonly PushedLayer[],
  form: 'gzip' | 'zstd',
): Promise<string> {
  const diffIds = layers.map(({ diffId }) => diffId)
  const rootfs = { type: 'layers', diff_ids: diffIds }
  const config = blobOf(Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs })))
  for (const { blob } of layers) await pushBlob(client, repository, blob, 'streamed')
  await pushBlob(client, repository, config, 'monolith')
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.size },
    layers: layers.map(({ blob: { digest, size } }) => ({
      mediaType: `application/vnd.oci.image.layer.v1.tar+${form}`,
      digest,
      size,
    })),
  }
  const body = blobOf(Buffer.from(JSON.stringify(manifest)))
  await pushManifest(client, { repository, tag: 'v1' }, body)
  return body.digest
}

interface Told {
  readonly status: string
  readonly reason: string | null
  readonly scannedAt: string | null
  readonly advisories: unknown
  readonly packages: readonly unknown[]
  readonly findings: readonly unknown[]
}

/** Asks until it is there; milliseconds since the call. */
async function reportOf({ server, registryId }: World, name: string, digest: string) {
  const { email, password } = server.admin
  const authorization = `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`
  using client = new Client({ port: server.port, authorization } as Subject)
  const path = `/api/v1/registries/${registryId}/repositories/${name}/artifacts/${digest}/report`
  const began = performance.now()
  for (;;) {
    const { body } = await client.call('GET', path, { want: 200, keep: true })
    const report = JSON.parse(body.toString()) as Told
    if (report.scannedAt !== null) return { report, ms: performance.now() - began }
    if (performance.now() - began > 60_000) throw new Error(`no report within a minute\n${server.logs()}`)
    await sleep(5)
  }
}

async function pushes(
  { base, top }: ScanImages,
  { form, advisories, rounds }: { form: 'gzip' | 'zstd'; advisories: string; rounds: number },
): Promise<ScanFigure[]> {
  const [lower, upper] = [await layersOf(base, form), await layersOf([top], form)]
  const [cold, known]: [number[], number[]] = [[], []]
  let about = ''
  for (let round = 0; round < rounds; round += 1) {
    const world = await startScanning(advisories)
    using client = new Client(world.subject)
    const first = await reportOf(world, 'base', await pushImage(client, 'scanned/base', lower, form))
    const all = [...lower, ...upper]
    const second = await reportOf(world, 'app', await pushImage(client, 'scanned/app', all, form))
    for (const { report } of [first, second])
      if (report.status !== 'scanned') throw new Error(`${report.status}: ${report.reason}`)
    cold.push(first.ms / 1000)
    known.push(second.ms / 1000)
    about = `${first.report.packages.length} packages, ${first.report.findings.length} findings`
    await stop(world)
  }
  const mb = (layers: readonly PushedLayer[]) => Math.round(layers.reduce((sum, { blob }) => sum + blob.size, 0) / 1e6)
  return [
    {
      what: 'report after the push, cold',
      of: `${mb(lower)} MB of ${form}, ${about}; ${spread(cold)}`,
      value: spreadOf(cold).median,
      unit: 's',
      goal: COLD_SECONDS,
    },
    {
      what: 'report after the push, known base',
      of: `${mb(upper)} MB of ${form} on it; ${spread(known)}`,
      value: spreadOf(known).median,
      unit: 's',
      goal: KNOWN_SECONDS,
    },
  ]
}

function spread(seconds: readonly number[]): string {
  const { min, max } = spreadOf(seconds)
  return `${seconds.length} servers, ${min.toFixed(2)}-${max.toFixed(2)} s`
}

/** Manifests by tag on ten connections, while nothing else happens and while images are read one after the other. */
async function meanwhile({ base }: ScanImages, advisories: string): Promise<ScanFigure[]> {
  const world = await startScanning(advisories)
  const waiting = await registryOf(world.server, 'waiting', false)
  const digests = await pushUnread(waiting.subject, await layersOf(base, 'gzip'))
  const ask = async () => {
    const headers = { authorization: world.subject.authorization, accept: manifestType }
    const path = '/v2/scanned/small/manifests/v1'
    const task = { method: 'GET' as const, path, headers, connections: 10, seconds: WRK.seconds }
    return await hammer(world.subject, task)
  }
  await ask()
  const idle = [await ask(), await ask(), await ask()]
  const features = { vulnerabilityScanning: { enabled: true } }
  expectStatus(await world.server.api('PATCH', `/registries/${waiting.registryId}`, { features }), 200)
  const busy: typeof idle = []
  const began = performance.now()
  for (let round = 0; round < WRK.rounds; round += 1) busy.push(await ask())
  const done = await scannedOf(world.server, waiting.registryId, digests)
  const seconds = (performance.now() - began) / 1000
  if (done === digests.length) throw new Error(`all ${done} images were read before the time was over: more are needed`)
  await stop(world)
  const p99 = (samples: typeof idle) => spreadOf(samples.map((sample) => sample.p99))
  const rate = (samples: typeof idle) => Math.round(spreadOf(samples.map((sample) => sample.perSecond)).median)
  const of = (samples: typeof idle) =>
    `${samples.length} × ${WRK.seconds} s, ${p99(samples).min.toFixed(2)}-${p99(samples).max.toFixed(2)} ms, ${rate(samples).toLocaleString('en-US')} a second`
  return [
    { what: 'manifest GET, p99, idle', of: of(idle), value: p99(idle).median, unit: 'ms' },
    {
      what: 'manifest GET, p99, while images are scanned',
      of: `${of(busy)}, ${done} images read in ${seconds.toFixed(0)} s`,
      value: p99(busy).median,
      unit: 'ms',
    },
    { what: 'its ratio', of: 'of the medians', value: p99(busy).median / p99(idle).median, unit: 'x', goal: P99_RATIO },
  ]
}

/** The same files in layers of their own: an empty member of gzip behind each, with another time. */
async function pushUnread(subject: Subject, layers: readonly PushedLayer[]): Promise<string[]> {
  using client = new Client(subject)
  const digests: string[] = []
  for (let count = 0; count < UNREAD; count += 1) {
    const own = layers.map(({ blob, diffId }) => ({ blob: blobOf(...blob.parts, emptyMember()), diffId }))
    digests.push(await pushImage(client, `waiting/image-${count}`, own, 'gzip'))
  }
  return digests
}

function emptyMember(): Buffer {
  const member = gzipSync(Buffer.alloc(0))
  randomBytes(4).copy(member, 4)
  return member
}

async function scannedOf(server: EntrepotUnderTest, registryId: string, digests: readonly string[]): Promise<number> {
  let scanned = 0
  for (const [index, digest] of digests.entries()) {
    const path = `/api/v1/registries/${registryId}/repositories/image-${index}/artifacts/${digest}/report`
    if (expectStatus(await server.api('GET', path), 200).json<Told>().scannedAt !== null) scanned += 1
  }
  return scanned
}

function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('        0ustar\x0000', 148)
  const sum = header.reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, content, Buffer.alloc(512 - content.length + 1024)])
}
