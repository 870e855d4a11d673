import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import type { Account } from './client.ts'
import { KINDS } from './images.ts'
import { layoutActs } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'

clientSuite(
  {
    name: 'crane',
    programs: ['crane'],
    kinds: KINDS,
    can: ['delete', 'copy'],
    keepsBytes: true,
    loginAsks: false,
    mountsConfig: true,
    async open(target, folder) {
      const run = (as: Account, args: string[], input = '') => crane(target, as, args, input)
      return layoutActs(folder, {
        login: (as) => run(as, ['auth', 'login', target.host, '-u', as.username, '--password-stdin'], as.password),
        push: (image, reference, as) => run(as, ['push', image.folder, reference]),
        fetch: (reference, into, as) => run(as, ['pull', '--format=oci', reference, into]),
        remove: (reference, as) => run(as, ['delete', reference]),
        copy: (_image, from, to, as) => run(as, ['copy', from, to]),
      })
    },
  },
  testTagsAndCatalog,
)

function crane({ caFile }: Target, { home }: Account, args: string[], input = '') {
  const env = { DOCKER_CONFIG: home, ...(caFile ? { SSL_CERT_FILE: caFile } : {}) }
  return runProgram('crane', args, { env, input })
}

function testTagsAndCatalog(bench: Bench) {
  test('tag, list the tags, validate, and find the repository in the catalog', async () => {
    const { acts, target, writer } = bench
    const [image, repository] = [await bench.image('image'), bench.name('team/tagged')]
    const run = async (...args: string[]) =>
      assertOk(await crane(target, writer, args))
        .stdout.trim()
        .split('\n')
    assertOk(await acts.push(image, `${repository}:v1`, writer))
    await run('tag', `${repository}:v1`, 'v2')
    assert.deepEqual(await run('ls', repository), ['v1', 'v2'])
    assert.deepEqual(await run('digest', `${repository}:v2`), [image.top.digest])
    await run('validate', '--remote', `${repository}:v2`)
    assert.ok((await run('catalog', target.host)).includes(`${target.registry}/team/tagged`))
  })
}
