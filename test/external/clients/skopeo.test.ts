import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account } from './client.ts'
import { containersTools } from './containers-tools.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { layoutActs } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'
import { subfolder } from './temporary-folder.ts'

clientSuite(
  {
    name: 'skopeo',
    programs: ['skopeo'],
    kinds: KINDS,
    can: ['delete', 'copy'],
    keepsBytes: true,
    loginAsks: true,
    mountsConfig: false,
    async open(target, folder) {
      const { reach, authfile } = await containersTools(target, folder)
      const copy = (from: string, to: string, as: Account) => {
        const sides = [from.startsWith('docker:') ? reach('src-') : [], to.startsWith('docker:') ? reach('dest-') : []]
        return skopeo(['copy', '--all', '--preserve-digests', ...authfile(as), ...sides.flat(), from, to])
      }
      return layoutActs(folder, {
        login: (as) => {
          const who = ['-u', as.username, '--password-stdin', target.host]
          return skopeo(['login', ...authfile(as), ...reach(), ...who], as.password)
        },
        push: (image, reference, as) => copy(`oci:${image.folder}:${LAYOUT_TAG}`, `docker://${reference}`, as),
        fetch: (reference, into, as) => copy(`docker://${reference}`, `oci:${into}:${LAYOUT_TAG}`, as),
        remove: (reference, as) => skopeo(['delete', ...authfile(as), ...reach(), `docker://${reference}`]),
        copy: (_image, from, to, as) => copy(`docker://${from}`, `docker://${to}`, as),
      })
    },
  },
  testInspect,
)

function skopeo(args: string[], input = '') {
  return runProgram('skopeo', args, { input })
}

function testInspect(bench: Bench) {
  test('list the tags and inspect', async () => {
    const { acts, folder, target, writer } = bench
    const [image, repository] = [await bench.image('image'), bench.name('team/inspected')]
    const { reach, authfile } = await containersTools(target, await subfolder(folder, 'inspect'))
    const remote = [...authfile(writer), ...reach()]
    for (const tag of ['v1', 'v2']) assertOk(await acts.push(image, `${repository}:${tag}`, writer))
    const listed = assertOk(await skopeo(['list-tags', ...remote, `docker://${repository}`]))
    assert.deepEqual(JSON.parse(listed.stdout).Tags, ['v1', 'v2'])
    const { stdout } = assertOk(await skopeo(['inspect', ...remote, `docker://${repository}:v1`]))
    const { Digest, RepoTags } = JSON.parse(stdout)
    assert.deepEqual({ Digest, RepoTags }, { Digest: image.top.digest, RepoTags: ['v1', 'v2'] })
  })
}
