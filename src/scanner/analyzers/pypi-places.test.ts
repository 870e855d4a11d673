import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInstalledAt, isPypiMetadata } from './pypi.ts'

/** Where metadata of Python projects lies: what pip lists, and what it does not. */
const SITE = 'usr/lib/python3.11/site-packages'
const cases = [
  { name: 'a dist-info', path: `${SITE}/six-1.16.0.dist-info/METADATA`, isInstalled: true },
  { name: "Debian's egg-info", path: 'usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO', isInstalled: true },
  { name: 'an egg-info that is a file', path: `${SITE}/six-1.16.0.egg-info`, isInstalled: true },
  { name: 'an unpacked egg', path: `${SITE}/six-1.16.0-py3.11.egg/EGG-INFO/PKG-INFO`, isInstalled: true },
  {
    name: 'a virtual environment',
    path: `venv/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA`,
    isInstalled: true,
  },
  {
    name: 'one that lies in another',
    path: `${SITE}/app/env/site-packages/six-1.dist-info/METADATA`,
    isInstalled: true,
  },
  { name: 'a --target of its own', path: 'srv/libraries/six-1.16.0.dist-info/METADATA', isInstalled: true },
  { name: 'at the root', path: 'six-1.16.0.dist-info/METADATA', isInstalled: true },
  {
    name: 'what setuptools brings',
    path: `${SITE}/setuptools/_vendor/zipp-3.23.0.dist-info/METADATA`,
    isInstalled: false,
  },
  {
    name: 'what setuptools brings, at a --target',
    path: 'srv/setuptools/_vendor/zipp-3.dist-info/METADATA',
    isInstalled: false,
  },
  {
    name: 'what it tests itself with',
    path: `${SITE}/pkg_resources/tests/data/a/a.egg-info/PKG-INFO`,
    isInstalled: false,
  },
  { name: 'what some project tests itself with', path: `${SITE}/app/tests/a-1.dist-info/METADATA`, isInstalled: false },
]

for (const { name, path, isInstalled } of cases) {
  test(`isPypiMetadata: ${name}`, () => assert.equal(isPypiMetadata(path), isInstalled))
}

const archives = [
  { name: 'an egg', path: `${SITE}/six-1.16.0-py3.11.egg`, isInstalled: true },
  { name: 'a wheel on its own', path: 'srv/six-1.16.0-py3-none-any.whl', isInstalled: true },
  {
    name: 'a wheel for making environments',
    path: 'usr/lib/python3.11/ensurepip/_bundled/pip-23-py3.whl',
    isInstalled: false,
  },
]

for (const { name, path, isInstalled } of archives) {
  test(`isInstalledAt: ${name}`, () => assert.equal(isInstalledAt(path), isInstalled))
}
