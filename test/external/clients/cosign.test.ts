import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertOk, assertRefused } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account, Acts } from './client.ts'
import type { Ran } from './programs.ts'
import { runProgram, sequence } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'
import { ask, pushOverWire } from './wire.ts'

/** cosign signs what is there already: to push means to sign, to pull means to fetch and verify the signature. */
clientSuite(
  {
    name: 'cosign',
    programs: ['cosign'],
    kinds: ['image', 'index'],
    can: [],
    keepsBytes: true,
    loginAsks: false,
    mountsConfig: true,
    open,
  },
  (bench) => {
    testAttestation(bench)
    testForeignKey(bench)
    testTaggedSignature(bench)
  },
)

/** No transparency log and no service of sigstore: a key pair in a folder is all. */
const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false']
const UNLOGGED = '--insecure-ignore-tlog=true'

function testAttestation(bench: Bench) {
  test('attest, verify the attestation, and delete it with clean', async () => {
    const { digest, cosign, keys } = await signed(bench, 'attested')
    const predicate = join(bench.folder, 'predicate.json')
    await writeFile(predicate, '{"built":"here"}')
    const verify = ['verify-attestation', '--type', 'custom', '--key', keys.public, UNLOGGED, digest]
    assertOk(
      await cosign(['attest', '--type', 'custom', '--predicate', predicate, '--key', keys.private, ...OFFLINE, digest]),
    )
    const { stdout } = assertOk(await cosign(verify))
    const statement = JSON.parse(Buffer.from(JSON.parse(stdout).payload, 'base64').toString())
    assert.equal(`sha256:${statement.subject[0].digest.sha256}`, digest.split('@')[1])
    assertOk(await cosign(['clean', '--force', digest]))
    assertRefused(await cosign(verify), /no (matching )?attestations|none of the attestations|not found/i)
    assertRefused(await cosign(['verify', '--key', keys.public, UNLOGGED, digest]), /no signatures found/i)
  })
}

function testForeignKey(bench: Bench) {
  test('a signature by another key is refused', async () => {
    const { digest, cosign } = await signed(bench, 'foreign')
    const other = await keyPair(bench.folder)
    assertRefused(await cosign(['verify', '--key', other.public, UNLOGGED, digest]), /signature|verif/i)
  })
}

function testTaggedSignature(bench: Bench) {
  test('a signature in the older form, under a tag', async () => {
    const { digest, cosign, keys } = await signed(bench, 'tagged', ['--new-bundle-format=false'])
    const tag = `${digest.split('@')[1]?.replace(':', '-')}.sig`
    const path = `/v2/${bench.target.registry}/team/tagged/manifests/${tag}`
    assert.equal((await ask(bench.target, 'GET', path)).status, 200)
    assertOk(await cosign(['verify', '--new-bundle-format=false', '--key', keys.public, UNLOGGED, digest]))
    assertOk(await cosign(['clean', '--force', digest]))
    assert.equal((await ask(bench.target, 'GET', path)).status, 404)
  })
}

/** An image of its own in `team/<repository>`, signed, and a cosign that acts for the writer. */
async function signed(bench: Bench, repository: string, flags: string[] = []) {
  const { target, folder, writer } = bench
  const image = await bench.image('image', repository)
  const keys = keysIn(join(folder, 'client'))
  const cosign = (args: string[]) => runCosign(target, writer, args)
  const digest = `${bench.name(`team/${repository}`)}@${image.top.digest}`
  await pushOverWire(target, { repository: `${target.registry}/team/${repository}`, tag: 'v1' }, image)
  assertOk(await cosign(['sign', ...flags, '--key', keys.private, ...OFFLINE, digest]))
  return { digest, cosign, keys }
}

async function open(target: Target, folder: string): Promise<Acts> {
  const keys = await keyPair(folder)
  let verified = ''
  return {
    login: (as) =>
      runCosign(target, as, ['login', target.host, '--username', as.username, '--password-stdin'], as.password),
    push: (image, reference, as) =>
      sequence(async (step) => {
        const [name = '', tag = ''] = reference.slice(`${target.host}/`.length).split(':')
        await pushOverWire(target, { repository: name, tag }, image)
        const digest = `${target.host}/${name}@${image.top.digest}`
        await step(runCosign(target, as, ['sign', '--key', keys.private, ...OFFLINE, digest]))
      }),
    async pull(_image, reference, as) {
      const ran = await runCosign(target, as, ['verify', '--key', keys.public, UNLOGGED, reference])
      verified = ran.stdout
      return ran
    },
    async verify(image) {
      const digests = JSON.parse(verified).map((payload: Payload) => payload.critical.image['docker-manifest-digest'])
      assert.deepEqual(digests, [image.top.digest])
    },
    async [Symbol.asyncDispose]() {},
  }
}

type Payload = { critical: { image: { 'docker-manifest-digest': string } } }

type KeyPair = { private: string; public: string }

function keysIn(folder: string): KeyPair {
  return { private: join(folder, 'cosign.key'), public: join(folder, 'cosign.pub') }
}

async function keyPair(folder: string): Promise<KeyPair> {
  assertOk(await runProgram('cosign', ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } }))
  return keysIn(folder)
}

function runCosign({ caFile }: Target, { home }: Account, args: string[], input = ''): Promise<Ran> {
  const authority = caFile ? { SSL_CERT_FILE: caFile } : {}
  return runProgram('cosign', args, { input, env: { COSIGN_PASSWORD: '', DOCKER_CONFIG: home, ...authority } })
}
