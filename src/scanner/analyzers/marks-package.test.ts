import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANALYZERS } from './list.ts'
import { marksPackage } from './marks-package.ts'

const MARKS = [
  'usr/share/nodejs/npm/node_modules/abbrev/package.json',
  'usr/lib/node_modules/npm/package-lock.json',
  'usr/share/webapps/app/yarn.lock',
  'usr/lib/python3/dist-packages/Django-3.2.25.egg-info/PKG-INFO',
  'usr/lib/python3/dist-packages/py-1.11.0.egg-info',
  'usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA',
  'usr/share/python-wheels/pip-23.0.1-py3-none-any.whl',
  'usr/share/rubygems-integration/all/specifications/rack-2.2.6.gemspec',
  'usr/share/gems/specifications/default/json-2.6.gemspec',
  'usr/share/java/commons-io.jar',
  'usr/share/java/Upper.JAR',
  'usr/share/php/Composer/vendor/composer/installed.json',
  'usr/lib/dotnet/sdk/8.0.1/dotnet.deps.json',
  'opt/bitnami/redis/.spdx-redis.spdx',
  'usr/bin/kubectl',
  'usr/bin/kubectl-1.28',
  'usr/libexec/podman/rootlessport',
  'usr/lib/go-1.19/pkg/tool/linux_amd64/compile',
  'usr/lib64/librsvg-2.so.2.48.0',
  'usr/local/bin/tool',
  'bin/busybox',
]
for (const path of MARKS) test(`marksPackage: ${path}`, () => assert.equal(marksPackage(path), true))

const DOES_NOT = [
  '',
  'bin',
  'usr/bin/',
  'etc/passwd',
  'usr/share/doc/bash/README',
  'usr/share/man/man1/ls.1.gz',
  'usr/lib/python3/dist-packages/django/__init__.py',
  'usr/share/nodejs/npm/index.js',
  'usr/include/stdio.h',
  'usr/lib/modules/6.1/kernel/x',
]
for (const path of DOES_NOT)
  test(`marksPackage: not ${path || 'nothing'}`, () => assert.equal(marksPackage(path), false))

/** Files that stand for a package each, as distributions install them: whatever an analyzer reads, its owner must be able to claim. */
const READ = [
  ...MARKS,
  'usr/lib/node_modules/@scope/a/package.json',
  'srv/npm-shrinkwrap.json',
  'srv/pnpm-lock.yaml',
  'srv/composer.lock',
  'srv/Gemfile.lock',
  'srv/poetry.lock',
  'srv/package.json',
  'srv/Pipfile.lock',
  'srv/requirements.txt',
  'srv/requirements-dev.txt',
  'srv/uv.lock',
  'srv/go.mod',
  'srv/Cargo.lock',
  'srv/packages.lock.json',
  'srv/pom.xml',
  'srv/app.war',
  'srv/app.ear',
  'srv/gradle.lockfile',
]
const OF_THE_OS = ['os-release', 'apk-repositories', 'apt-sources', 'dpkg', 'chisel', 'apk', 'rpm']
for (const { name, open } of ANALYZERS.filter((one) => !OF_THE_OS.includes(one.name))) {
  test(`marksPackage: what ${name} reads can be owned`, () => {
    const read = READ.filter((path) => open({ path, size: 100_000, mode: 0o755 }) !== null)
    assert.ok(read.length > 0, `add a file that ${name} reads`)
    assert.deepEqual(
      read.filter((path) => !marksPackage(path)),
      [],
    )
  })
}
