import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { MasterKeyError } from './key-provider.ts'
import { openMasterKeyFile } from './master-key-file.ts'

async function inDirectory(check: (path: string, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-master-key-'))
  try {
    await check(join(directory, 'master.key'), directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

void test('the first start makes the file, the next one reads it', () =>
  inDirectory(async (path, directory) => {
    const first = await openMasterKeyFile({ path, mayCreate: true })
    assert.equal(first.made, true)
    assert.equal(first.provider.name, 'file')
    const wrapped = await first.provider.wrap(Buffer.from('secret'), 'context')
    for (const mayCreate of [true, false]) {
      const next = await openMasterKeyFile({ path, mayCreate })
      assert.equal(next.made, false)
      assert.equal(Buffer.from(await next.provider.unwrap(wrapped, 'context')).toString(), 'secret')
    }
    assert.deepEqual(await readdir(directory), ['master.key'])
    const [comment = '', key = ''] = (await readFile(path, 'utf8')).split('\n')
    assert.match(comment, /^# .*Keep a copy/)
    assert.equal(Buffer.from(key, 'base64').length, 32)
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600)
  }))

void test('a lost file over existing data is an error that says what to do, and stays lost', () =>
  inDirectory(async (path, directory) => {
    await assert.rejects(openMasterKeyFile({ path, mayCreate: false }), (error: unknown) => {
      assert.ok(error instanceof MasterKeyError)
      assert.match(error.message, /master\.key is missing/)
      assert.match(error.message, /from its copy, or give the key as ENTREPOT_MASTER_KEY/)
      return true
    })
    assert.deepEqual(await readdir(directory), [])
  }))

const damaged = [
  { name: 'empty', text: '', words: /master\.key is empty/ },
  { name: 'without a key', text: '# Entrepot master key\n', words: /is empty/ },
  { name: 'cut short', text: '# Entrepot master key\nAAECAwQFBgc=\n', words: /has 8 bytes/ },
  { name: 'of two keys', text: `${'A'.repeat(43)}=\n${'B'.repeat(43)}=\n`, words: /neither base64 nor hexadecimal/ },
]
for (const { name, text, words } of damaged) {
  void test(`a file ${name} is refused and not made anew`, () =>
    inDirectory(async (path) => {
      await writeFile(path, text)
      for (const mayCreate of [true, false]) {
        await assert.rejects(openMasterKeyFile({ path, mayCreate }), (error: unknown) => {
          return error instanceof MasterKeyError && words.test(error.message)
        })
      }
      assert.equal(await readFile(path, 'utf8'), text)
    }))
}

void test('processes that start first at the same moment get one key', () =>
  inDirectory(async (path, directory) => {
    const program = `
      const { openMasterKeyFile } = await import(${JSON.stringify(new URL('master-key-file.ts', import.meta.url).href)})
      const { provider, made } = await openMasterKeyFile({ path: ${JSON.stringify(path)}, mayCreate: true })
      console.log(made, Buffer.from(await provider.derive('test')).toString('hex'))`
    const starts = Array.from({ length: 6 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]),
    )
    const answers = (await Promise.all(starts)).map(({ stdout }) => stdout.trim().split(' '))
    assert.equal(answers.filter(([made]) => made === 'true').length, 1)
    assert.equal(new Set(answers.map(([, key]) => key)).size, 1)
    assert.deepEqual(await readdir(directory), ['master.key'])
  }))
