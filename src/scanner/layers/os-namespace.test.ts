import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PackageType } from '../package.ts'
import { osNamespace } from './os-namespace.ts'

const cases: readonly { name: string; type: PackageType; id: string | null; want: string | null }[] = [
  { name: 'deb of Debian', type: 'deb', id: 'debian', want: 'debian' },
  { name: 'deb of Ubuntu', type: 'deb', id: 'ubuntu', want: 'ubuntu' },
  { name: 'deb of nobody is Debian', type: 'deb', id: null, want: 'debian' },
  { name: 'apk of nobody is Alpine', type: 'apk', id: null, want: 'alpine' },
  { name: 'apk of Wolfi', type: 'apk', id: 'wolfi', want: 'wolfi' },
  { name: 'rpm of nobody', type: 'rpm', id: null, want: null },
  { name: 'rpm of AlmaLinux', type: 'rpm', id: 'almalinux', want: 'almalinux' },
  { name: 'rpm of Red Hat', type: 'rpm', id: 'rhel', want: 'redhat' },
  { name: 'rpm of SUSE', type: 'rpm', id: 'sles', want: 'suse' },
  { name: 'an id that is also a property of objects', type: 'rpm', id: 'constructor', want: 'constructor' },
  { name: 'npm', type: 'npm', id: 'debian', want: null },
]

for (const { name, type, id, want } of cases) {
  test(`osNamespace: ${name}`, () => {
    const os = id === null ? null : { id, idLike: [], versionId: null, codename: null, prettyName: null }
    assert.equal(osNamespace(type, os), want)
  })
}
