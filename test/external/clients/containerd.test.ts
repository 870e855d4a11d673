import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account, Acts } from './client.ts'
import { containerdRoot, startContainerd } from './daemons.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { assertBlobsHold } from './layout.ts'
import { runProgram, sequence } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'

clientSuite({
  name: 'containerd',
  programs: ['ctr', 'containerd', 'tar'],
  needsRoot: true,
  // containerd 1.6 refuses to fetch a blob of zero bytes and crashes when it is to push one: no `artifact`.
  kinds: KINDS.filter((kind) => kind !== 'artifact'),
  can: ['copy'],
  keepsBytes: true,
  loginAsks: false,
  mountsConfig: true,
  open,
})

/** The daemon's content store has the folders of an image layout. */
const CONTENT = 'io.containerd.content.v1.content'

async function open(target: Target, folder: string): Promise<Acts> {
  const daemon = await startContainerd(folder)
  const archive = join(folder, 'archive.tar')
  const hosts = await writeHosts(target, folder)
  const ctr = (args: string[]) => runProgram('ctr', ['--address', daemon.socket, ...args])
  const remote = ({ username, password }: Account) => [
    ...(username ? ['--user', `${username}:${password}`] : []),
    ...(target.ca ? ['--hosts-dir', hosts] : ['--plain-http']),
  ]
  const removeLocal = () =>
    sequence(async (step) => {
      const { stdout } = await step(ctr(['images', 'list', '--quiet']))
      const names = stdout.split('\n').filter((line) => line !== '')
      if (names.length > 0) await step(ctr(['images', 'remove', '--sync', ...names]))
      const left = await step(ctr(['content', 'list', '--quiet']))
      assert.equal(left.stdout, '', 'a pull must find nothing here')
    })
  return {
    login: async () => ({ code: 0, stdout: 'ctr takes a password with every command', stderr: '', timedOut: false }),
    push: (image, reference, as) =>
      sequence(async (step) => {
        const base = reference.slice(0, reference.lastIndexOf(':'))
        await step(runProgram('tar', ['-C', image.folder, '-cf', archive, '.']))
        await step(ctr(['images', 'import', '--all-platforms', '--no-unpack', '--base-name', base, archive]))
        await rm(archive)
        await step(ctr(['images', 'tag', '--force', `${base}:${LAYOUT_TAG}`, reference]))
        await step(ctr(['images', 'push', ...remote(as), reference]))
      }),
    pull: (image, reference, as) =>
      sequence(async (step) => {
        await step(removeLocal())
        const isRunnable = image.kind !== 'subject'
        const fetch = isRunnable ? ['images', 'pull', '--snapshotter', 'native'] : ['content', 'fetch']
        await step(ctr([...fetch, '--all-platforms', ...remote(as), reference]))
      }),
    async verify(image, reference) {
      const { stdout } = await ctr(['images', 'list', `name==${reference}`])
      assert.ok(stdout.includes(image.top.digest), stdout)
      await assertBlobsHold(join(containerdRoot(folder), CONTENT), image)
    },
    // It mounts from where it knows that a blob came from, and it learns that by pulling.
    copy: (_image, from, to, as) =>
      sequence(async (step) => {
        await step(removeLocal())
        await step(ctr(['images', 'pull', '--snapshotter', 'native', ...remote(as), from]))
        await step(ctr(['images', 'tag', from, to]))
        await step(ctr(['images', 'push', ...remote(as), to]))
      }),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}

/** The authority stands at the top: under a `[host]` it would not count when that host says 404 and the server is asked. */
async function writeHosts({ ca, caFile, host, url }: Target, folder: string): Promise<string> {
  const hosts = join(folder, 'hosts')
  await mkdir(join(hosts, host), { recursive: true })
  if (ca) await writeFile(join(hosts, host, 'hosts.toml'), `server = "${url}"\nca = "${caFile}"\n[host]\n`)
  return hosts
}
