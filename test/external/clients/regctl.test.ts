import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account } from './client.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { layoutActs } from './layout.ts'
import { runProgram, sequence } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'
import { ask } from './wire.ts'

clientSuite(
  {
    name: 'regctl',
    programs: ['regctl'],
    kinds: KINDS,
    can: ['delete', 'copy'],
    keepsBytes: true,
    loginAsks: true,
    mountsConfig: true,
    async open(target, folder) {
      const run = (as: Account, args: string[], input = '') => regctl(target, as, args, input)
      return layoutActs(folder, {
        login: (as) => run(as, ['registry', 'login', target.host, '-u', as.username, '--pass-stdin'], as.password),
        push: (image, reference, as) => run(as, ['image', 'copy', `ocidir://${image.folder}:${LAYOUT_TAG}`, reference]),
        fetch: (reference, into, as) => run(as, ['image', 'copy', reference, `ocidir://${into}:${LAYOUT_TAG}`]),
        remove: (reference, as) => run(as, ['manifest', 'delete', reference]),
        copy: (_image, from, to, as) => run(as, ['image', 'copy', from, to]),
      })
    },
  },
  (bench) => {
    testArtifacts(bench)
    testTags(bench)
  },
)

/** Each call writes down first how the host is reached, which a login needs as much as a pull without one. */
function regctl({ host, caFile }: Target, { home }: Account, args: string[], input = '') {
  const env = {
    REGCTL_CONFIG: join(home, 'regctl.json'),
    DOCKER_CONFIG: home,
    ...(caFile ? { SSL_CERT_FILE: caFile } : {}),
  }
  const known = ['registry', 'set', host, '--skip-check', '--tls', caFile ? 'enabled' : 'disabled']
  return sequence(async (step) => {
    await step(runProgram('regctl', known, { env }))
    await step(runProgram('regctl', args, { env, input }))
  })
}

function testArtifacts(bench: Bench) {
  test('put an artifact about an image, list it and get it', async () => {
    const { acts, target, writer } = bench
    const [image, reference] = [await bench.image('image'), `${bench.name('team/described')}:v1`]
    const file = join(bench.folder, 'bill.json')
    const run = async (...args: string[]) => assertOk(await regctl(target, writer, args)).stdout
    await writeFile(file, '{"parts":[]}')
    assertOk(await acts.push(image, reference, writer))
    const type = ['--artifact-type', 'application/spdx+json']
    await run('artifact', 'put', ...type, '--subject', reference, '--file', file)
    assert.match(await run('artifact', 'list', reference), /application\/spdx\+json/)
    assert.equal(
      await run('artifact', 'get', '--subject', reference, '--filter-artifact-type', 'application/spdx+json'),
      '{"parts":[]}',
    )
  })
}

function testTags(bench: Bench) {
  test('delete one tag of two; the manifest stays', async () => {
    const { acts, target, writer } = bench
    const [image, repository] = [await bench.image('image'), bench.name('team/tags')]
    const run = async (...args: string[]) => assertOk(await regctl(target, writer, args)).stdout
    for (const tag of ['v1', 'v2']) assertOk(await acts.push(image, `${repository}:${tag}`, writer))
    await run('tag', 'delete', `${repository}:v1`)
    assert.equal(await run('tag', 'ls', repository), 'v2\n')
    const { status } = await ask(target, 'GET', `/v2/${target.registry}/team/tags/manifests/${image.top.digest}`)
    assert.equal(status, 200)
  })
}
