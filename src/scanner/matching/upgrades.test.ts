import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexOf } from '../../../test/support/advisory-fixture.ts'
import type { InventoryPackage } from '../facts.ts'
import { match } from './match.ts'
import { settleBy, upgradesOf } from './upgrades.ts'

const cases = [
  { name: 'versions are compared, not read as text', type: 'npm', ecosystem: 'npm', fixes: ['1.9.0', '1.10.0'] },
  { name: 'of an OS', type: 'deb', ecosystem: 'Debian:12', fixes: ['1:1.0-1~deb12u1', '1:1.0-1'] },
  { name: 'of a language with names in any case', type: 'pypi', ecosystem: 'PyPI', fixes: ['2.0rc1', '2.0'] },
] as const
for (const { name, type, ecosystem, fixes } of cases) {
  test(`upgradesOf: the version in which all is mended: ${name}`, async () => {
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
    const index = indexOf([...records, unfixed])
    const { findings } = match({ os, packages, problems: [] }, index, { today: 0, lowestLayer: null })
    assert.deepEqual(await upgradesOf(os, findings, settleBy(index)), [
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

test('upgradesOf: where a newer line has flaws of its own, the version that mends them, too', async () => {
  const lines = (id: string, ...events: readonly (readonly [string, string])[]) => ({
    ...{ id, ecosystem: 'npm', name: 'demo' },
    events: events.flatMap(([introduced, fixed]) => [{ introduced }, { fixed }]),
  })
  const index = indexOf([
    lines('CVE-2026-0001', ['0', '0.31.0'], ['1.0.0', '1.15.0']),
    lines('CVE-2026-0002', ['0', '1.6.8']),
    lines('CVE-2026-0003', ['1.15.0', '1.15.2']),
  ])
  const packages: InventoryPackage[] = [
    {
      ...{ type: 'npm', namespace: null, name: 'demo', version: '0.21.0', path: 'a', layer: 'base', osOwned: false },
      ...{ source: null, architecture: null, module: null, doubt: null },
    },
  ]
  const { findings } = match({ os: null, packages, problems: [] }, index, { today: 0, lowestLayer: null })
  assert.deepEqual(
    findings.map(({ id, fixedVersion }) => [id, fixedVersion]),
    [
      ['CVE-2026-0001', '0.31.0'],
      ['CVE-2026-0002', '1.6.8'],
    ],
  )
  const [upgrade] = await upgradesOf(null, findings, settleBy(index))
  assert.deepEqual([upgrade?.to, upgrade?.mends], ['1.15.2', ['CVE-2026-0001', 'CVE-2026-0002']])
})
