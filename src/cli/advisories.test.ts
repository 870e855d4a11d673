import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type } from '../../test/support/cli.ts'

const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-cli-advisories-'))
after(() => rmSync(FOLDER, { recursive: true, force: true }))

const NOW = Date.UTC(2026, 0, 10)
const HOUR = 3_600_000
const record = (id: string) =>
  JSON.stringify({
    id,
    modified: '2026-01-05T00:00:00Z',
    affected: [{ package: { ecosystem: 'npm', name: 'a' }, versions: ['1'] }],
  })

test('advisories: import, list, status; a refused file changes nothing', async () => {
  const [data, good, better, bad] = ['data', 'a.json', 'b.json', 'c.json'].map((name) => join(FOLDER, name)) as [
    string,
    string,
    string,
    string,
  ]
  writeFileSync(good, record('GHSA-1'))
  writeFileSync(better, record('GHSA-2'))
  writeFileSync(bad, 'no data')
  const run = (line: string, now = NOW) => type(`advisories ${line} --data ${data}`, { now })

  const none = await run('status')
  assert.deepEqual([none.code, none.out], [1, 'no advisories: images stay Unknown until some are imported'])
  assert.match((await run('list')).err, /^no advisories: without them nothing can be said/)

  const first = await run(`import ${good} ${better}`)
  assert.equal(first.code, 0, first.err)
  assert.match(first.out, /a\.json: OSV, 1 records\n.*b\.json: OSV, 1 records\nnow in force: sha256:[0-9a-f]{64}$/)
  const [source] = (await run('list --json')).json
  assert.deepEqual(source, { name: 'osv:npm', kind: 'OSV', records: 2, newest: Date.UTC(2026, 0, 5), importedAt: NOW })
  assert.match((await run('list', NOW + 5 * HOUR)).out, /osv:npm +OSV +2 +2026-01-05 +2026-01-10 +5 h$/)

  const refused = await run(`import ${good} ${bad}`)
  assert.equal(refused.code, 1)
  assert.match(refused.err, /c\.json: refused: it is neither JSON nor a table whose columns we know/)
  assert.match((await run(`import ${good}`, NOW + 72 * HOUR)).out, /nothing new: sha256:/)
  assert.match(
    (await run('status', NOW + 73 * HOUR)).out,
    /holds +2 records of 1 sources\noldest +imported 2026-01-13, 1 h ago$/,
  )

  const kept = await run(`import ${bad} ${good} --replace --keep-going --json`)
  assert.deepEqual([kept.code, kept.json.snapshot.sources[0].records], [1, 1])
})
