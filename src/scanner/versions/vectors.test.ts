import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Compare } from './compare.ts'
import { compareIn } from './compare-in.ts'

/** Published vectors, one `A < B` a line. A checkout without them beside it skips. */
const FOLDER = fileURLToPath(new URL('../../../../shared/data/versions', import.meta.url))
const isThere = existsSync(FOLDER)

const ECOSYSTEM: Readonly<Record<string, string>> = {
  alpine: 'Alpine:v3.20',
  cran: 'CRAN',
  debian: 'Debian:12',
  hackage: 'Hackage',
  maven: 'Maven',
  nuget: 'NuGet',
  packagist: 'Packagist',
  pub: 'Pub',
  pypi: 'PyPI',
  redhat: 'Red Hat',
  rubygems: 'RubyGems',
  semver: 'npm',
}

test('the published vectors of every scheme are there', {
  skip: isThere ? false : 'no ../shared/data/versions',
}, () => {
  const schemes = new Set(filesOf().map((file) => file.split('-')[0]))
  assert.deepEqual([...schemes].sort(), Object.keys(ECOSYSTEM))
})

for (const file of isThere ? filesOf() : []) {
  const compare = compareIn(ECOSYSTEM[file.split('-')[0] ?? ''] ?? '')
  test(`${file}: every line holds, and its reverse`, () => {
    assert.ok(compare)
    const wrong = linesOf(file).flatMap((line) => problemOf(compare, line) ?? [])
    assert.deepEqual(wrong.slice(0, 40), [])
  })
}

function filesOf(): string[] {
  return readdirSync(FOLDER).filter((file) => file.includes('-versions'))
}

function linesOf(file: string): string[] {
  const bytes = readFileSync(join(FOLDER, file))
  const text = file.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString()
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(#|\/\/)/.test(line))
  assert.ok(lines.length > 0, `${file} is empty`)
  return lines
}

function problemOf(compare: Compare, line: string): string | null {
  const [a = '', sign = '', b = ''] = line.trim().split(/ +/)
  const want = ['<', '=', '>'].indexOf(sign) - 1
  const [there, back] = [compare(a, b), compare(b, a)]
  const holds = there !== null && back !== null && Math.sign(there) === want && Math.sign(back) === 0 - want
  return holds ? null : `${line}: ${there}, reversed ${back}`
}
