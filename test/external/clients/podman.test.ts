import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Bench } from './bench.ts'
import { containersTools } from './containers-tools.ts'
import { storageClient, storageCommand } from './storage-client.ts'
import { clientSuite } from './suite.ts'
import { subfolder } from './temporary-folder.ts'

/** No journal and no systemd. */
function ownFlags(folder: string): string[] {
  return ['--tmpdir', `${folder}/tmp`, '--events-backend', 'none', '--cgroup-manager', 'cgroupfs']
}

clientSuite(storageClient('podman', ownFlags), (bench) => {
  testBuild(bench)
})

function testBuild(bench: Bench) {
  test('build from scratch, push, pull and read the file', async () => {
    const folder = await subfolder(bench.folder, 'build')
    const podman = storageCommand('podman', folder, ownFlags(folder))
    const { reach, authfile } = await containersTools(bench.target, folder)
    const [remote, reference] = [[...authfile(bench.writer), ...reach()], `${bench.name('team/built')}:v1`]
    const run = async (...args: string[]) => assertOk(await podman(args)).stdout.trim()
    await writeFile(join(folder, 'hello.txt'), 'hello\n')
    await writeFile(join(folder, 'Containerfile'), 'FROM scratch\nCOPY hello.txt /hello.txt\nLABEL maker=entrepot\n')
    await run('build', '--quiet', '--tag', reference, folder)
    await run('push', ...remote, reference)
    await run('rmi', '--all', '--force')
    const id = await run('pull', '--quiet', ...remote, reference)
    const root = await run('image', 'mount', id)
    assert.equal(await readFile(join(root, 'hello.txt'), 'utf8'), 'hello\n')
  })
}
