import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileOf, layerFacts, skipWithoutImages } from '../../../test/support/image-layers.ts'
import type { LayerFacts } from '../facts.ts'
import { mergeLayers } from '../layers/merge-layers.ts'
import type { PackageType } from '../package.ts'

const options = { skip: skipWithoutImages }

const full = ({ namespace, name, version }: { namespace: string | null; name: string; version: string }): string =>
  `${namespace === null ? '' : `${namespace}/`}${name} ${version}`

function inventory(facts: LayerFacts) {
  const { packages, problems } = mergeLayers([{ digest: 'layer', facts }])
  assert.deepEqual(problems, [])
  return {
    packages,
    of: (type: PackageType): string[] =>
      packages
        .filter((one) => one.type === type)
        .map(full)
        .sort(),
  }
}

/** `json 2.1.0` of `json-2.1.0.gemspec`. */
function byFileName(facts: LayerFacts, pattern: RegExp): string[] {
  const found = facts.files.flatMap(({ path }) => pattern.exec(path)?.slice(1) ?? [])
  return found.map((name) => name.replace(/-(?=\d[^-]*$)/, ' ')).sort()
}

test('lang-demo: every package of every language, and nothing else', options, async () => {
  const facts = await layerFacts('lang-demo')
  const { packages, of } = inventory(facts)
  // What the folders are called: another source than what is read.
  const folders = byFileName(facts, /([^/]+?)\.(?:dist-info\/METADATA|egg-info|egg-info\/PKG-INFO)$/)
  assert.deepEqual(
    of('pypi')
      .map((name) => name.replace('python-jose', 'python_jose'))
      .sort(),
    folders,
  )
  assert.deepEqual(of('gem'), byFileName(facts, /specifications\/([^/]+)\.gemspec$/))
  const installed = JSON.parse(fileOf('lang-demo', 'var/www/app/vendor/composer/installed.json').toString())
  const names = installed.packages.map(
    (one: { name: string; version: string }) => `${one.name} ${one.version.replace(/^v/, '')}`,
  )
  assert.deepEqual(of('composer'), names.sort())
  const jars = packages.filter(({ type, name }) => type === 'maven' && name !== 'app')
  assert.deepEqual(
    jars.map(({ path, name, version }) => path.endsWith(`/${name}-${version}.jar`)),
    jars.map(() => true),
  )
  assert.equal(jars.filter(({ path }) => path.startsWith('opt/app/app.jar!/BOOT-INF/lib/')).length, 10)
  const count = (type: PackageType): number => of(type).length
  assert.deepEqual(
    [count('pypi'), count('gem'), count('composer'), count('maven'), packages.length],
    [35, 30, 20, 19, 104],
  )
})

test('node-demo: what is installed, not what the lock file says', options, async () => {
  const facts = await layerFacts('node-demo')
  const { packages, of } = inventory(facts)
  const lock = JSON.parse(fileOf('node-demo', 'app/package-lock.json').toString())
  const locked = Object.entries<{ version: string }>(lock.packages).flatMap(([path, { version }]) =>
    path === '' ? [] : `${path.split('node_modules/').at(-1)} ${version}`,
  )
  assert.deepEqual(of('npm'), locked.sort())
  assert.equal(packages.length, 169)
})

test('debian-12-os-owned-langs: what Debian installed is its own, what somebody added is not', options, async () => {
  const { packages } = inventory(await layerFacts('debian-12-os-owned-langs'))
  const languages = packages.filter(({ type }) => type !== 'deb')
  assert.deepEqual(languages.map((one) => `${full(one)}${one.osOwned ? ' owned' : ''}`).sort(), [
    'Django 3.2.25 owned',
    'Jinja2 2.10',
    'Jinja2 3.1.2 owned',
    'rack 2.2.22 owned',
    'requests 2.28.1 owned',
    'setuptools 66.1.1 owned',
    'urllib3 1.26.12 owned',
  ])
})
