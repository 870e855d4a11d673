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

clientSuite(
  storageClient('buildah', () => []),
  testFromScratch,
)

function testFromScratch(bench: Bench) {
  test('build from scratch, push, start from what was pushed and read the file', async () => {
    const folder = await subfolder(bench.folder, 'build')
    const buildah = storageCommand('buildah', folder, [])
    const { reach, authfile } = await containersTools(bench.target, folder)
    const [remote, reference] = [[...authfile(bench.writer), ...reach()], `${bench.name('team/built')}:v1`]
    const run = async (...args: string[]) => assertOk(await buildah(args)).stdout.trim()
    await writeFile(join(folder, 'hello.txt'), 'hello\n')
    const container = await run('from', 'scratch')
    await run('copy', container, join(folder, 'hello.txt'), '/hello.txt')
    await run('commit', '--rm', container, reference)
    await run('push', ...remote, reference)
    await run('rmi', '--all', '--force')
    const root = await run('mount', await run('from', ...remote, reference))
    assert.equal(await readFile(join(root, 'hello.txt'), 'utf8'), 'hello\n')
  })
}
