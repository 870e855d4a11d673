import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account, Acts } from './client.ts'
import { runProgram, sequence } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'
import { subfolder } from './temporary-folder.ts'
import { ask } from './wire.ts'

/** helm pushes charts and nothing else: whatever image the suite asks for, a chart of the repository's name goes. */
clientSuite(
  { name: 'helm', programs: ['helm'], kinds: [], can: [], keepsBytes: true, loginAsks: true, mountsConfig: true, open },
  testChart,
)

const VERSION = '1.2.3'

function testChart(bench: Bench) {
  test('push, pull and compare: chart', async () => {
    const { acts, folder, writer, target } = bench
    const [image, reference] = [await bench.image('image'), bench.name('charts/shop')]
    assertOk(await acts.push(image, reference, writer))
    assertOk(await acts.pull(image, reference, writer))
    await acts.verify(image, reference, writer)
    const manifest = await ask(target, 'GET', `/v2/${target.registry}/charts/shop/manifests/${VERSION}`)
    const { config, layers } = JSON.parse(manifest.text())
    assert.equal(config.mediaType, 'application/vnd.cncf.helm.config.v1+json')
    assert.equal(layers[0].size, (await readFile(packed(join(folder, 'client'), 'shop'))).length)
  })
}

async function open(target: Target, folder: string): Promise<Acts> {
  const pulled = await subfolder(folder, 'pulled')
  const helm = (args: string[], { home }: Account, input = '') => {
    const flags = ['--registry-config', join(home, 'registry.json'), '--repository-cache', join(home, 'cache')]
    const own = ['--content-cache', join(home, 'content'), '--repository-config', join(home, 'repositories.yaml')]
    const reach = target.caFile ? ['--ca-file', target.caFile] : ['--plain-http']
    return runProgram('helm', [...args, ...reach, ...flags, ...own], { input })
  }
  return {
    login: (as) =>
      helm(['registry', 'login', target.host, '--username', as.username, '--password-stdin'], as, as.password),
    push: (_image, reference, as) =>
      sequence(async (step) => {
        const { parent, name } = split(reference)
        const chart = await subfolder(folder, `chart-${name}`)
        await writeFile(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: ${VERSION}\n`)
        await writeFile(join(chart, 'values.yaml'), 'replicas: 1\n')
        await step(runProgram('helm', ['package', chart, '--destination', folder]))
        await step(helm(['push', packed(folder, name), `oci://${parent}`], as))
      }),
    pull: (_image, reference, as) => {
      const { parent, name } = split(reference)
      return helm(['pull', `oci://${parent}/${name}`, '--version', VERSION, '--destination', pulled], as)
    },
    async verify(_image, reference) {
      const { name } = split(reference)
      assert.deepEqual(await readFile(packed(pulled, name)), await readFile(packed(folder, name)))
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Without its tag: helm makes one of the chart's version. */
function split(reference: string): { parent: string; name: string } {
  const [, parent = '', name = ''] = /^(.*)\/([^/:]+)(:[^/]*)?$/.exec(reference) ?? []
  return { parent, name }
}

function packed(folder: string, name: string): string {
  return join(folder, `${name}-${VERSION}.tgz`)
}
