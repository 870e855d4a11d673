import assert from 'node:assert/strict'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { score } from './advisory-fixture.ts'
import type { OpenMetadata } from './management.ts'
import { sha256 } from './registry.ts'
import { artifactOf, OPENSSL, scanTests, severityOf } from './scan-tests.ts'
import type { ScanWorld } from './scan-world.ts'
import { CONFIG, dpkgStatus, LAYER, MANIFEST, OS_RELEASE } from './scan-world.ts'
import type { Member } from './tar-members.ts'
import { archive } from './tar-members.ts'

const BASE = archive(OS_RELEASE, dpkgStatus('openssl 3.0.9-1'))
const EMPTY = archive()
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
const NO_CONFIG = 'application/vnd.oci.empty.v1+json'

interface Blob {
  readonly type: string
  readonly bytes: Uint8Array
  /** Clients fetch it elsewhere. */
  readonly isAbsent?: boolean
}

interface Given {
  readonly name: string
  readonly type?: string
  readonly config?: Blob
  readonly layers: readonly Blob[]
  readonly more?: object
  /** What its report says; of what was scanned: how many findings. */
  readonly says: number | 'not_applicable' | RegExp
}

const gzip: Blob = { type: LAYER, bytes: gzipSync(BASE) }

/** As clients write it for these uncompressed layers. */
function configOf(layers: readonly Uint8Array[], type = CONFIG): Blob {
  const rootfs = { type: 'layers', diff_ids: layers.map((bytes) => sha256(bytes)) }
  return { type, bytes: Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs })) }
}

const foreign = (type: string, isAbsent: boolean): Blob => ({ type, bytes: gzipSync(BASE), isAbsent })

const GIVEN: readonly Given[] = [
  { name: 'an OCI image', layers: [gzip], says: 1 },
  {
    name: 'an image of Docker schema 2',
    type: DOCKER,
    config: configOf([BASE], DOCKER_CONFIG),
    layers: [{ type: DOCKER_LAYER, bytes: gzip.bytes }],
    says: 1,
  },
  { name: 'zstd', layers: [{ type: `${LAYER.slice(0, -4)}zstd`, bytes: zstdCompressSync(BASE) }], says: 1 },
  { name: 'no compression', layers: [{ type: LAYER.slice(0, -5), bytes: BASE }], says: 1 },
  {
    name: 'a hundred layers',
    config: configOf([BASE, ...Array<Buffer>(99).fill(EMPTY)]),
    layers: [gzip, ...Array<Blob>(99).fill({ type: LAYER, bytes: gzipSync(EMPTY) })],
    says: 1,
  },
  {
    name: 'a layer that must not be distributed, but is here',
    layers: [foreign('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', false)],
    says: 1,
  },
  {
    name: 'a foreign layer that is not here',
    type: DOCKER,
    config: configOf([BASE], DOCKER_CONFIG),
    layers: [foreign('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', true)],
    says: /is not here: it is fetched from elsewhere/,
  },
  {
    name: 'an encrypted layer above a plain one',
    config: configOf([BASE, EMPTY]),
    layers: [gzip, { type: `${LAYER}+encrypted`, bytes: Buffer.from('?') }],
    says: /is encrypted/,
  },
  {
    name: 'a layer of a type that nobody knows above a plain one',
    config: configOf([BASE, EMPTY]),
    layers: [gzip, { type: 'application/x-squashfs', bytes: Buffer.from('?') }],
    says: /of a type that is not read: application\/x-squashfs/,
  },
  {
    name: 'a config of other layers',
    config: configOf([EMPTY]),
    layers: [gzip],
    says: /config does not match its layers/,
  },
  {
    name: 'a config of too few layers',
    config: configOf([]),
    layers: [gzip],
    says: /config does not match its layers/,
  },
  {
    name: 'a config that is none',
    config: { type: CONFIG, bytes: Buffer.from('[{]') },
    layers: [gzip],
    says: /config does not match its layers/,
  },
  { name: 'an image from scratch', config: configOf([]), layers: [], says: /neither an operating system nor packages/ },
  {
    name: 'a helm chart',
    config: { type: 'application/vnd.cncf.helm.config.v1+json', bytes: Buffer.from('{}') },
    layers: [{ type: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', bytes: gzip.bytes }],
    says: 'not_applicable',
  },
  {
    name: 'a signature of cosign',
    layers: [{ type: 'application/vnd.dev.cosign.simplesigning.v1+json', bytes: Buffer.from('{"critical":{}}') }],
    says: 'not_applicable',
  },
  {
    name: 'an attached SBOM',
    config: { type: NO_CONFIG, bytes: Buffer.from('{}') },
    layers: [{ type: 'application/spdx+json', bytes: Buffer.from('{"SPDXID":""}') }],
    more: { artifactType: 'application/spdx+json' },
    says: 'not_applicable',
  },
  {
    name: 'an attestation of BuildKit',
    layers: [{ type: 'application/vnd.in-toto+json', bytes: Buffer.from('{"_type":""}') }],
    says: 'not_applicable',
  },
]

async function push(world: ScanWorld, repository: string, { type = MANIFEST, config, layers, more }: Given) {
  const at = world.place(repository)
  const describe = async ({ type: mediaType, bytes, isAbsent = false }: Blob) =>
    isAbsent ? { mediaType, digest: sha256(bytes), size: bytes.length } : await world.blob(at, mediaType, bytes)
  const stored = []
  for (const layer of layers) stored.push(await describe(layer))
  return await world.push(at, type, { config: await describe(config ?? configOf([BASE])), layers: stored, ...more })
}

/** What is scanned, and what is said of what cannot be. */
export function scanKindsSuite(engine: string, openMetadata: OpenMetadata, skip: false | string = false): void {
  const on = scanTests(engine, openMetadata, skip)

  on('what is an image is read, or Unknown with the reason; what is none is not applicable', async (world) => {
    await world.publish({ records: [OPENSSL] })
    for (const [number, given] of GIVEN.entries()) {
      const repository = `kinds/${number}`
      const digest = await push(world, repository, given)
      const before = await artifactOf(world, repository, digest)
      assert.deepEqual([before.findings, before.lastScannedAt], [null, null], given.name)
      await world.work()
      const report = await world.report(repository, digest)
      const { findings, lastScannedAt } = await artifactOf(world, repository, digest)
      const { says } = given
      if (typeof says === 'number') {
        assert.deepEqual([report.status, report.reason, report.findings.length], ['scanned', null, says], given.name)
        assert.deepEqual([findings?.count, lastScannedAt], [says, report.scannedAt], given.name)
      } else if (says === 'not_applicable') {
        assert.equal(report.status, says, given.name)
        assert.deepEqual([findings, lastScannedAt], [null, null], given.name)
      } else {
        assert.equal(report.status, 'unknown', given.name)
        assert.match(report.reason ?? '', says, given.name)
        assert.deepEqual([report.findings, findings, lastScannedAt], [[], null, report.scannedAt], given.name)
      }
    }
  })

  on('indexes of indexes, of what comes later, and of what never comes', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const bad = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1', 'late 1')]
    const { digest: image } = await world.image('team/app', [[OS_RELEASE, dpkgStatus('bash 5.2-1')]])
    const other = await openLate(world, bad)
    const inner = await world.index('team/app', [image, other.digest], { type: LIST })
    const outer = await world.index('team/app', [inner])
    const nothing = await world.index('team/app', [sha256(Buffer.from('never'))])
    await world.work()
    const told = async (digest: typeof outer) => {
      const { status, reason, findings } = await world.report('team/app', digest)
      return [status, reason, findings.map(({ id }) => id)]
    }
    assert.deepEqual(await told(outer), ['scanned', null, []])
    assert.deepEqual(await told(nothing), ['unknown', 'none of the images it lists is here', []])
    await other.push()
    await world.work()
    for (const digest of [inner, outer]) {
      assert.deepEqual(await told(digest), ['scanned', null, ['CVE-2026-0001']])
      assert.equal((await artifactOf(world, 'team/app', digest)).findings?.maxSeverity, 'critical')
    }
    await world.publish({ records: [{ ...OPENSSL, scores: [score(7.5)] }] })
    await world.work()
    assert.equal((await artifactOf(world, 'team/app', outer)).findings?.maxSeverity, 'high')
  })

  on('a signature on top leaves the severity of a repository as it is', async (world) => {
    await world.publish({ records: [OPENSSL] })
    const signature = GIVEN.find(({ name }) => name === 'a signature of cosign') as Given
    await push(world, 'team/app', GIVEN[0] as Given)
    world.clock.now += 10
    await push(world, 'team/app', signature)
    await world.work()
    assert.equal(await severityOf(world, 'team/app'), 'critical')
    await world.publish({ records: [{ ...OPENSSL, scores: [score(7.5)] }] })
    await world.work()
    assert.equal(await severityOf(world, 'team/app'), 'high')
    await push(world, 'team/app', { ...signature, more: { annotations: { again: 'yes' } } })
    assert.equal(await severityOf(world, 'team/app'), null)
    await world.work()
    assert.equal(await severityOf(world, 'team/app'), 'high')
    await push(world, 'team/app', { ...(GIVEN[0] as Given), config: configOf([EMPTY]) })
    await world.work()
    assert.equal(await severityOf(world, 'team/app'), null)
    await push(world, 'charts', { ...signature })
    await world.work()
    assert.equal(await severityOf(world, 'charts'), null)
  })
}

const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

/** An image whose digest is known before it is pushed. */
async function openLate(world: ScanWorld, members: readonly Member[]) {
  const plain = archive(...members)
  const at = world.place('team/app')
  const config = configOf([plain])
  const content = {
    config: await world.blob(at, CONFIG, config.bytes),
    layers: [await world.blob(at, LAYER, gzipSync(plain))],
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, ...content }))
  return { digest: sha256(bytes), push: () => world.push(at, MANIFEST, content) }
}
