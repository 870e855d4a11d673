import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TreeFile } from './file-tree.ts'
import { withoutSuperseded } from './superseded.ts'

const file = (analyzer: string, path: string): TreeFile => ({
  facts: { path, analyzer, packages: [], owns: [], os: null, hints: {}, problems: [] },
  layer: 'layer',
  since: new Map(),
})

const cases = [
  { name: 'a lock alone counts', files: ['npm-lock app/yarn.lock'], gone: [] },
  {
    name: 'beside installed packages it does not',
    files: ['npm-lock app/yarn.lock', 'npm app/node_modules/a/package.json'],
    gone: ['npm-lock app/yarn.lock'],
  },
  {
    name: 'packages of another folder prove nothing',
    files: ['npm-lock app/yarn.lock', 'npm app2/node_modules/a/package.json', 'npm node_modules/a/package.json'],
    gone: [],
  },
  {
    name: 'at the root',
    files: ['npm-lock package-lock.json', 'npm node_modules/a/package.json'],
    gone: ['npm-lock package-lock.json'],
  },
  {
    name: "Composer's",
    files: [
      'composer-lock www/composer.lock',
      'composer www/vendor/composer/installed.json',
      'composer-lock other/composer.lock',
    ],
    gone: ['composer-lock www/composer.lock'],
  },
]

for (const { name, files, gone } of cases) {
  test(`withoutSuperseded: ${name}`, () => {
    const given = files.map((line) => file(line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)))
    const kept = withoutSuperseded(given).map(({ facts }) => `${facts.analyzer} ${facts.path}`)
    assert.deepEqual(
      files.filter((line) => !kept.includes(line)),
      gone,
    )
  })
}
