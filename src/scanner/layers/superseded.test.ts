import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TreeFile } from './file-tree.ts'
import { withoutSuperseded } from './superseded.ts'

const file = (analyzer: string, path: string, project = ''): TreeFile => ({
  facts: {
    path,
    analyzer,
    packages: project === '' ? [] : [projectOf(project)],
    owns: [],
    os: null,
    hints: {},
    problems: [],
  },
  layer: 'layer',
  since: new Map(),
})

const projectOf = (name: string) => ({
  ...({ type: 'pypi', namespace: null, name, version: '1' } as const),
  ...{ source: null, architecture: null, module: null, path: '', doubt: null },
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
  {
    name: 'a lock of Python, something of which is installed',
    files: ['language-lock app/poetry.lock My.App', 'pypi lib/site-packages/my_app-1.dist-info/METADATA my_app'],
    gone: ['language-lock app/poetry.lock My.App'],
  },
  {
    name: 'a lock of Python, nothing of which is installed',
    files: ['language-lock app/poetry.lock app', 'pypi lib/site-packages/pip-1.dist-info/METADATA pip'],
    gone: [],
  },
  {
    name: 'slices beside a status of dpkg',
    files: ['chisel var/lib/chisel/manifest.wall', 'dpkg var/lib/dpkg/status'],
    gone: ['chisel var/lib/chisel/manifest.wall'],
  },
  {
    name: 'slices beside lists that dpkg left',
    files: ['chisel var/lib/chisel/manifest.wall', 'dpkg var/lib/dpkg/info/a.list'],
    gone: [],
  },
  {
    name: 'a folder that nobody linked into node_modules',
    files: ['npm-linked linked/a/package.json', 'npm-linked src/a/package.json'],
    gone: ['npm-linked src/a/package.json'],
  },
  {
    name: 'what a build left beside what it installed',
    files: ['pypi src/My.App.egg-info/PKG-INFO My.App', 'pypi lib/site-packages/my_app-1.dist-info/METADATA my_app'],
    gone: ['pypi src/My.App.egg-info/PKG-INFO My.App'],
  },
  { name: 'what a build left alone', files: ['pypi src/app.egg-info/PKG-INFO app'], gone: [] },
  {
    name: 'two that are installed',
    files: ['pypi a/site-packages/app.egg-info/PKG-INFO app', 'pypi b/site-packages/app-1.dist-info/METADATA app'],
    gone: [],
  },
]

for (const { name, files, gone } of cases) {
  test(`withoutSuperseded: ${name}`, () => {
    const given = files.map((line) => file(...(line.split(' ') as [string, string, string?])))
    const kept = withoutSuperseded(given, (path) => path.startsWith('linked/')).map(
      ({ facts }) => `${facts.analyzer} ${facts.path}`,
    )
    assert.deepEqual(
      files.filter((line) => !kept.some((one) => line.startsWith(one))),
      gone,
    )
  })
}
