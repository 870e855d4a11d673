import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account } from './client.ts'
import { KINDS, LAYOUT_TAG, sha256 } from './images.ts'
import { layoutActs } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'
import { subfolder } from './temporary-folder.ts'

clientSuite(
  {
    name: 'oras',
    programs: ['oras'],
    kinds: KINDS,
    can: ['delete', 'copy'],
    keepsBytes: true,
    loginAsks: true,
    mountsConfig: true,
    async open(target, folder) {
      const remote = (as: Account, prefix = '') => reach(target, as, prefix)
      return layoutActs(folder, {
        login: (as) => {
          const args = ['login', target.host, ...remote(as), '-u', as.username, '--password-stdin']
          return runProgram('oras', args, { input: as.password })
        },
        push: (image, reference, as) =>
          oras(['cp', '--from-oci-layout', `${image.folder}:${LAYOUT_TAG}`, ...remote(as, 'to-'), reference]),
        fetch: (reference, into, as) =>
          oras(['cp', ...remote(as, 'from-'), reference, '--to-oci-layout', `${into}:${LAYOUT_TAG}`]),
        remove: (reference, as) => oras(['manifest', 'delete', '--force', ...remote(as), reference]),
        copy: (_image, from, to, as) => oras(['cp', ...remote(as, 'from-'), from, ...remote(as, 'to-'), to]),
      })
    },
  },
  (bench) => {
    testFiles(bench)
    testBlob(bench)
  },
)

function oras(args: string[], cwd?: string) {
  return runProgram('oras', args, cwd ? { cwd } : {})
}

function reach({ caFile }: Target, { home }: Account, prefix = ''): string[] {
  const how = caFile ? [`--${prefix}ca-file`, caFile] : [`--${prefix}plain-http`]
  return [`--${prefix}registry-config`, join(home, 'config.json'), ...how]
}

function testFiles(bench: Bench) {
  test('push files, one of them empty; attach another, discover it and pull them all', async () => {
    const [source, pulled] = [await subfolder(bench.folder, 'files'), await subfolder(bench.folder, 'files-pulled')]
    const [remote, reference] = [reach(bench.target, bench.writer), `${bench.name('team/files')}:v1`]
    const files = { 'empty.bin': '', 'report.txt': 'a report\n', 'bill.json': '{"parts":[]}' }
    for (const [name, content] of Object.entries(files)) await writeFile(join(source, name), content)
    const type = ['--artifact-type', 'application/vnd.entrepot.test']
    assertOk(await oras(['push', ...remote, ...type, reference, 'empty.bin', 'report.txt:text/plain'], source))
    assertOk(
      await oras(['attach', ...remote, '--artifact-type', 'application/spdx+json', reference, 'bill.json'], source),
    )
    const found = assertOk(await oras(['discover', ...remote, '--format', 'json', reference]))
    const { referrers } = JSON.parse(found.stdout)
    assert.deepEqual(
      referrers.map((one: { artifactType: string }) => one.artifactType),
      ['application/spdx+json'],
    )
    const attached = `${bench.name('team/files')}@${referrers[0].digest}`
    for (const each of [reference, attached]) assertOk(await oras(['pull', ...remote, '--output', pulled, each]))
    for (const [name, content] of Object.entries(files))
      assert.equal(await readFile(join(pulled, name), 'utf8'), content)
  })
}

function testBlob(bench: Bench) {
  test('push, fetch and delete a blob of zero bytes', async () => {
    const [file, fetched] = [join(bench.folder, 'zero'), join(bench.folder, 'zero-fetched')]
    const [remote, blob] = [reach(bench.target, bench.writer), `${bench.name('team/blobs')}@${sha256('')}`]
    await writeFile(file, '')
    assertOk(await oras(['blob', 'push', ...remote, blob, file]))
    assertOk(await oras(['blob', 'fetch', ...remote, '--output', fetched, blob]))
    assert.equal(await readFile(fetched, 'utf8'), '')
    assertOk(await oras(['blob', 'delete', ...remote, '--force', blob]))
    const gone = await oras(['blob', 'fetch', ...remote, '--output', fetched, blob])
    assert.match(gone.stderr, /not found/)
  })
}
