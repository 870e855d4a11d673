import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inventory, InventoryPackage } from '../facts.ts'
import { osName } from './names.ts'
import { recommend, surroundingsOf } from './recommend.ts'

function one(type: InventoryPackage['type'], name: string, layer: string): InventoryPackage {
  return {
    ...{ type, name, layer, namespace: null, version: '1.0', path: `${name}/marker`, osOwned: false },
    ...{ source: null, architecture: null, module: null, doubt: null },
  }
}

const TODAY = Date.UTC(2026, 10, 25)
const OPENSSL = one('deb', 'openssl', 'base')
const SMALLER = 'Limit the risk: remove openssl if nothing needs it, or move to a smaller base (distroless, scratch).'
const ENDED = 'Debian 10 is no longer supported, its vendor mends nothing any more: move to a newer release.'
const LOWEST = 'It is in the lowest layer, which usually is the base image'

interface Case {
  readonly name: string
  readonly package?: InventoryPackage
  /** Others in the image. */
  readonly others?: readonly InventoryPackage[]
  readonly debian?: string
  readonly fixedVersion?: string
  readonly status?: 'wont_fix' | 'deferred'
  readonly exploited?: true
  readonly want: readonly string[]
}

const APT = one('deb', 'apt', 'base')
const cases: readonly Case[] = [
  {
    name: 'of an OS, with its package manager',
    others: [APT],
    fixedVersion: '1.1',
    want: [
      'Upgrade openssl to 1.1 or later, in the build: apt-get update && apt-get install -y --only-upgrade openssl.',
      `${LOWEST}: rebuild on a newer version of the base.`,
    ],
  },
  {
    name: 'of an OS without a package manager, in a layer above',
    package: one('deb', 'openssl', 'above'),
    fixedVersion: '1.1',
    want: ['Upgrade openssl to 1.1 or later: the image has no package manager, so rebuild it on a base that has it.'],
  },
  {
    name: 'of an OS that has ended: no hope of a newer version of the same',
    debian: '10',
    want: ['There is no fixed version of openssl.', SMALLER, ENDED],
  },
  {
    name: 'without a fix, of an OS that lives',
    want: [
      'There is no fixed version of openssl yet.',
      SMALLER,
      `${LOWEST}: a smaller base (distroless, scratch) may not need it.`,
    ],
  },
  {
    name: 'without a fix, of a language',
    package: { ...one('composer', 'framework', 'above'), namespace: 'laravel' },
    want: [
      'There is no fixed version of laravel/framework yet.',
      'Limit the risk: remove laravel/framework if nothing needs it, or use another one in its place.',
    ],
  },
  {
    name: 'exploited, in a dependency of an application',
    package: one('npm', 'lodash', 'above'),
    fixedVersion: '4.17.12',
    exploited: true,
    want: [
      'It is known to be exploited: treat this before others.',
      'Upgrade lodash to 4.17.12 or later and rebuild the image.',
      'If another dependency brings lodash in, upgrade that one or review whether it is needed (lodash/marker).',
    ],
  },
]

for (const { name, package: found = OPENSSL, want, ...given } of cases) {
  test(`recommend: ${name}`, () => {
    const versionId = given.debian ?? '12'
    const os = { id: 'debian', versionId, idLike: [], codename: null, prettyName: `Debian ${versionId}`, hints: {} }
    const inventory: Inventory = { os, packages: [found, ...(given.others ?? [])], problems: [] }
    const fixedVersion = given.fixedVersion ?? null
    const finding = {
      ...{ package: found, fixedVersion, fixable: fixedVersion !== null, status: given.status ?? null },
      knownExploitedSince: given.exploited ? 0 : null,
    }
    assert.deepEqual(recommend(finding, surroundingsOf(inventory, { today: TODAY, lowestLayer: 'base' })), want)
  })
}

const systems = [
  {
    id: 'debian',
    versionId: '12',
    prettyName: 'Debian GNU/Linux 12 (bookworm)',
    want: 'Debian GNU/Linux 12 (bookworm)',
  },
  { id: 'debian', versionId: '11', prettyName: 'Distroless', want: 'Distroless (debian 11)' },
  { id: 'alpine', versionId: '3.20.3', prettyName: 'Alpine Linux v3.20', want: 'Alpine Linux v3.20' },
  { id: 'alpine', versionId: '3.20.3', prettyName: null, want: 'alpine 3.20.3' },
  { id: 'arch', versionId: null, prettyName: 'Arch Linux', want: 'Arch Linux' },
]
for (const { want, ...os } of systems) {
  test(`osName: ${want}`, () => assert.equal(osName({ ...os, idLike: [], codename: null }), want))
}
