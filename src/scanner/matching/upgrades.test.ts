import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexOf } from '../../../test/support/advisory-fixture.ts'
import type { InventoryPackage } from '../facts.ts'
import { match } from './match.ts'
import { upgradesOf } from './upgrades.ts'

const cases = [
  { name: 'versions are compared, not read as text', type: 'npm', ecosystem: 'npm', fixes: ['1.9.0', '1.10.0'] },
  { name: 'of an OS', type: 'deb', ecosystem: 'Debian:12', fixes: ['1:1.0-1~deb12u1', '1:1.0-1'] },
  { name: 'of a language with names in any case', type: 'pypi', ecosystem: 'PyPI', fixes: ['2.0rc1', '2.0'] },
] as const
for (const { name, type, ecosystem, fixes } of cases) {
  test(`upgradesOf: the version in which all is mended: ${name}`, () => {
    const records = fixes.map((fixed, at) => ({
      id: `CVE-2026-000${at}`,
      ecosystem,
      name: 'demo',
      events: [{ introduced: '0' }, { fixed }],
    }))
    const unfixed = { id: 'CVE-2026-0009', ecosystem, name: 'demo', events: [{ introduced: '0' }] }
    const packages = ['a', 'b'].map(
      (path): InventoryPackage => ({
        ...{ type, namespace: null, name: 'demo', version: '0.1', path, layer: 'base', osOwned: false },
        ...{ source: null, architecture: null, module: null, doubt: null },
      }),
    )
    const os = { id: 'debian', versionId: '12', idLike: [], codename: null, prettyName: null, hints: {} }
    const { findings } = match({ os, packages, problems: [] }, indexOf([...records, unfixed]), {
      today: 0,
      lowestLayer: null,
    })
    assert.deepEqual(upgradesOf(findings), [
      {
        package: { type, namespace: null, name: 'demo', version: '0.1' },
        to: fixes[1],
        mends: ['CVE-2026-0000', 'CVE-2026-0001'],
        severity: 'unknown',
        paths: ['a', 'b'],
      },
    ])
  })
}
