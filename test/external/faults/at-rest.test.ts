import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { expectStatus, startEntrepot } from '../../support/server.ts'
import { removeAtExit } from '../../support/tools.ts'
import { RawConnection } from './raw-connection.ts'
import { assertWhole, digestOf, imageOf, RegistryClient } from './registry-client.ts'

interface Mark {
  readonly name: string
  readonly bytes: Buffer
}

const marks: Mark[] = []

/** 32 random bytes that must not be found again. */
function mark(name: string): Buffer {
  const bytes = randomBytes(32)
  marks.push({ name, bytes })
  return bytes
}

/** As they were sent, and in the forms that somebody might store them in. */
function formsOf({ bytes }: Mark): Buffer[] {
  const hex = bytes.toString('hex')
  // In base64 of a larger text, three bytes share four characters: cut to what does not depend on the neighbours.
  const shifted = [0, 1, 2].map((pad) => {
    const text = Buffer.concat([Buffer.alloc(pad), bytes]).toString('base64')
    return text.slice(pad === 0 ? 0 : 4, 40)
  })
  const urlSafe = bytes.toString('base64url').slice(0, 40)
  return [bytes, ...[hex, hex.toUpperCase(), urlSafe, ...shifted].map((text) => Buffer.from(text))]
}

async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const paths = names.map((name) => join(folder, name))
  const facts = await Promise.all(paths.map((path) => stat(path).catch(() => null)))
  return paths.filter((_, index) => facts[index]?.isFile())
}

/** Which marks lie in which files. */
async function findMarks(folders: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of (await Promise.all(folders.map(filesBelow))).flat()) {
    const content = await readFile(path).catch(() => Buffer.alloc(0))
    for (const one of marks)
      if (formsOf(one).some((form) => content.includes(form))) found.push(`${one.name} in ${path}`)
  }
  return found
}

test('nothing of layers, configs, annotations and secrets lies in the clear in any file', {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-at-rest-'))
  removeAtExit(folder)
  const temporary = join(folder, 'tmp')
  const dataDir = join(folder, 'data')
  await mkdir(temporary)
  const adminPassword = mark('the first password').toString('hex')
  await using server = await startEntrepot({
    dataDir,
    admin: { email: 'owner@example.com', password: adminPassword },
    env: { TMPDIR: temporary },
  })
  const client = await RegistryClient.create(server)
  const folders = [dataDir, temporary]

  const layer = Buffer.concat([randomBytes(2_000_000), mark('a layer, raw'), randomBytes(1_000)])
  const small = Buffer.from(`FILE ${mark('a small layer, as text').toString('hex')}`)
  const config = {
    config: { Env: [`SECRET=${mark('an environment value, base64').toString('base64')}`] },
    history: [{ created_by: `RUN curl -H ${mark('history, hexadecimal').toString('hex')}` }],
  }
  const annotations = { 'org.example.note': mark('an annotation').toString('base64url') }
  const image = imageOf('app', 'v1', [layer, small], { config, annotations })
  await client.push(image)

  // An upload in pieces that is never closed, and one whose client goes away.
  const location = await client.startUpload('app')
  expectStatus(await client.patch(location, Buffer.concat([mark('an open upload'), randomBytes(50_000)])), 202)
  const left = Buffer.concat([mark('a broken upload'), randomBytes(200_000)])
  const broken = await client.startUpload('app')
  using raw = await RawConnection.open(server)
  await raw.head('PATCH', broken, { authorization: client.authorization, 'content-length': 2 * left.length })
  await raw.send(left)
  raw.reset()
  // A refused blob, a replaced manifest, a deleted one.
  const refused = Buffer.concat([mark('a refused blob'), randomBytes(10_000)])
  expectStatus(await client.put(await client.startUpload('app'), digestOf(randomBytes(1)), refused), 400)
  const replaced = imageOf('app', 'v2', [small], { annotations: { note: mark('a replaced manifest').toString('hex') } })
  await client.push(replaced)
  await client.push({ ...imageOf('app', 'v2', [small]) })
  const path = client.at('app', `manifests/${digestOf(replaced.manifest)}`)
  expectStatus(await client.request(path, { method: 'DELETE' }), 202)
  // Reading decrypts: caches must not reach the disk either.
  for (let count = 0; count < 3; count += 1) await client.assertPullable(image)
  expectStatus(await client.request(client.at('app', `referrers/${digestOf(image.manifest)}`)), 200)

  assert.deepEqual(await findMarks(folders), [], 'while the server runs')
  await server.kill('SIGKILL')
  assert.deepEqual(await findMarks(folders), [], 'after it was killed')
  await server.start()
  await assertWhole(server)
  await client.assertPullable(image)
  await server.stop()
  assert.deepEqual(await findMarks(folders), [], 'after it was stopped')
  assert.ok(marks.length >= 10)

  // The search itself finds what is there: a mark in each form.
  const clear = await mkdtemp(join(folder, 'clear-'))
  await writeFile(join(clear, 'layer'), layer)
  await writeFile(join(clear, 'config'), image.config)
  await writeFile(join(clear, 'manifest'), image.manifest)
  const found = await findMarks([clear])
  for (const name of ['a layer, raw', 'an environment value', 'history', 'an annotation'])
    assert.ok(
      found.some((line) => line.startsWith(name)),
      `${name} was not found in the clear`,
    )
})

test('the credentials of a token lie nowhere in the clear', { timeout: 60_000 }, async () => {
  await using server = await startEntrepot({ workers: 1 })
  const { id } = await server.createRegistry('acme')
  const token = await server.createToken(id, { name: 'ci' })
  const client = new RegistryClient(server, 'acme', token)
  await client.push(imageOf('app', 'v1', [randomBytes(10)]))
  await server.stop()
  for (const path of await filesBelow(server.dataDir)) {
    const content = await readFile(path)
    assert.ok(!content.includes(token.password), `the token's password is in ${path}`)
    assert.ok(!content.includes(server.admin.password), `the first password is in ${path}`)
  }
  assert.ok(!server.logs().includes(token.password) && !server.logs().includes(server.admin.password))
})
