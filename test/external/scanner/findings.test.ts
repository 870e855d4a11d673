import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { OpenSnapshot } from '../../../src/scanner/advisories/open-snapshot.ts'
import type { Inventory, InventoryPackage } from '../../../src/scanner/facts.ts'
import type { CannotTell, Finding } from '../../../src/scanner/finding.ts'
import { match } from '../../../src/scanner/matching/match.ts'
import { IMAGES, imageNames, skipWithoutImages } from '../../support/image-layers.ts'
import { must, python, skipWithout } from '../../support/tools.ts'
import { ADVISORIES, snapshotOfAll, TODAY, verdictOnImage } from './world.ts'

/**
 * The findings of all images against an evaluation that shares nothing with the scanner: a program in `independent/` reads the raw package
 * databases and the raw advisories, and asks dpkg, rpm, npm, pip's `packaging`, RubyGems and Maven which version is the older one.
 */

const skip =
  skipWithoutImages ||
  (python() === null ? 'no Python with packaging and cvss (see .ci/tools.sh)' : false) ||
  skipWithout('dpkg-source', 'rpm', 'rpmlua', 'npm', 'ruby', 'mvn', 'javac')
const PROGRAM = fileURLToPath(new URL('independent/evaluate.py', import.meta.url))

interface Evaluated {
  readonly findings: readonly unknown[]
  readonly cannotTell: readonly unknown[]
}

interface Boundary extends Evaluated {
  readonly type: InventoryPackage['type']
  readonly name: string
  readonly version: string
  readonly ecosystem: string
  readonly module: string | null
}

let independent: { readonly images: Readonly<Record<string, Evaluated>>; readonly boundaries: readonly Boundary[] }
let index: OpenSnapshot

before(async () => {
  if (skip) return
  const printed = must(python() ?? '', [PROGRAM, IMAGES, ADVISORIES])
  ;[index, independent] = await Promise.all([snapshotOfAll(), printed.then((text) => JSON.parse(text))])
})

for (const image of imageNames(/./)) {
  test(`${image}: the findings of an independent evaluation`, { skip }, async () => {
    const verdict = await verdictOnImage(image, index)
    const { findings, cannotTell } = verdict.status === 'scanned' ? verdict.result : { findings: [], cannotTell: [] }
    const want = independent.images[image]
    assert.ok(want)
    assert.deepEqual(inOrder(findings.map(asEvaluated)), inOrder(want.findings))
    assert.deepEqual(inOrder(cannotTell.map(asUnclear)), inOrder(want.cannotTell))
  })
}

test('every kind of advisory is tried: findings of each in numbers', { skip }, () => {
  const counts: Record<string, number> = {}
  for (const { findings } of Object.values(independent.images)) {
    for (const one of findings as { type: string }[]) counts[one.type] = (counts[one.type] ?? 0) + 1
  }
  assert.deepEqual(counts, { apk: 170, composer: 201, deb: 948, gem: 199, maven: 113, npm: 123, pypi: 175, rpm: 313 })
})

test('packages at the very versions where advisories begin and end: the same findings', { skip }, () => {
  const wrong = independent.boundaries.filter((one) => {
    const { findings, cannotTell } = match(inventoryOf(one), index, { today: TODAY, lowestLayer: null })
    const have = [inOrder(findings.map(asEvaluated)), inOrder(cannotTell.map(asUnclear))]
    return JSON.stringify(have) !== JSON.stringify([inOrder(one.findings), inOrder(one.cannotTell)])
  })
  assert.deepEqual(
    wrong.slice(0, 5).map(({ ecosystem, name, version, module }) => [ecosystem, name, version, module]),
    [],
    `${wrong.length} of ${independent.boundaries.length}`,
  )
  assert.ok(independent.boundaries.length > 1000)
})

/** An image of that one package. */
function inventoryOf({ type, name, version, ecosystem, module }: Boundary): Inventory {
  const [distribution = '', release = ''] = ecosystem.split(':')
  const cut = type === 'maven' ? name.indexOf(':') : OS_TYPES.has(type) ? -1 : name.lastIndexOf('/')
  const parts = { namespace: cut < 0 ? null : name.slice(0, cut), name: name.slice(cut + 1) }
  const place = { path: '', layer: 'sha256:0', osOwned: false, source: null, architecture: null, doubt: null }
  const os = {
    id: distribution.toLowerCase(),
    versionId: release.replace(/^v/, ''),
    hints: release === 'edge' ? { 'apk-repositories': 'edge' } : {},
    ...{ idLike: [], codename: null, prettyName: null },
  }
  const label = module === null ? null : `${module}:8090:abc`
  return {
    os: release === '' ? null : os,
    packages: [{ ...place, ...parts, type, version, module: label }],
    problems: [],
  }
}

const OS_TYPES: ReadonlySet<string> = new Set(['apk', 'deb', 'rpm'])

function asEvaluated(finding: Finding) {
  const { id, aliases, covers, matchedBy, fixedVersion, score, severity } = finding
  return {
    ...described(finding.package),
    id,
    ids: [id, ...aliases].sort(),
    covers: covers.toSorted(),
    records: [...new Set(matchedBy.map(({ advisory }) => advisory))].sort(),
    fixedVersion,
    score,
    severity,
  }
}

function asUnclear({ package: one, advisory }: CannotTell) {
  return { ...described(one), advisory }
}

function described({ type, namespace, name, version, path }: InventoryPackage) {
  const separator = type === 'maven' ? ':' : '/'
  const isNamed = !['apk', 'deb', 'rpm'].includes(type) && namespace !== null
  return { type, name: isNamed ? `${namespace}${separator}${name}` : name, version, path }
}

function inOrder(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}
