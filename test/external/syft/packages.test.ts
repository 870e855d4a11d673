import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { scanImages } from '../../../bench/scan-images.ts'
import { ANALYZERS } from '../../../src/scanner/analyzers/list.ts'
import { LAYER_LIMITS } from '../../../src/scanner/layers/limits.ts'
import { mergeLayers } from '../../../src/scanner/layers/merge-layers.ts'
import { readLayer } from '../../../src/scanner/layers/read-layer.ts'
import { IMAGES, imageNames, skipWithoutImages } from '../../support/image-layers.ts'
import { writeLayout } from '../../support/oci-layout.ts'
import { must, skipWithout, tool } from '../../support/tools.ts'

/**
 * The packages of real images beside those of syft. A difference that no rule explains fails. Of `.ci/long syft`, and not of the gate: syft takes
 * ten minutes to build, and the larger images are made from packages of four registries.
 */

interface Package {
  readonly type: string
  readonly name: string
  readonly version: string
  readonly path: string
}

/** The same thing, written otherwise: applied to both sides. */
const SPELLINGS: readonly { readonly why: string; readonly spell: (one: Package) => Package }[] = [
  {
    why: 'syft writes PyPI names in lower case and with hyphens, as PyPI compares them; pip prints `Django`',
    spell: (one) => (one.type === 'pypi' ? { ...one, name: one.name.toLowerCase().replaceAll(/[-_.]+/g, '-') } : one),
  },
  {
    why: 'syft keeps the leading `v` of Composer versions',
    spell: (one) => (one.type === 'composer' ? { ...one, version: one.version.replace(/^v(?=\d)/, '') } : one),
  },
  {
    why: 'syft writes the toolchain of Go programs without its `go`',
    spell: (one) => (one.name === 'stdlib' ? { ...one, version: one.version.replace(/^go(?=\d)/, '') } : one),
  },
]

/** What syft names and we do not, on purpose. */
const ONLY_SYFT: readonly { readonly why: string; readonly is: (one: Package) => boolean }[] = [
  {
    why: 'a key is no package, and no advisory names one',
    is: ({ type, name }) => type === 'rpm' && name === 'gpg-pubkey',
  },
  {
    why: 'the project itself, and whatever lies inside a package (fixtures, builds): npm ls lists neither',
    is: ({ type, path }) => type === 'npm' && !/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path),
  },
  {
    why: 'parts of setuptools: pip list does not list them',
    is: ({ type, path }) => type === 'pypi' && /\/_vendor\//.test(path),
  },
  {
    why: 'the program says (devel); syft says so, or makes a version of its commit, which no release has',
    is: ({ type, version }) => type === 'golang' && (version === '' || /^v0\.0\.0-\d{14}-[0-9a-f]{12}$/.test(version)),
  },
]

interface SyftAnswer {
  readonly artifacts: readonly {
    readonly purl: string
    readonly locations: readonly { readonly path: string }[]
  }[]
}

const OS_TYPES: ReadonlySet<string> = new Set(['apk', 'deb', 'rpm'])

async function bySyft(layers: readonly string[], form: 'gzip'): Promise<Package[]> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-syft-'))
  try {
    await writeLayout(folder, layers, form)
    const env = { SYFT_CHECK_FOR_APP_UPDATE: 'false' }
    const options = { env, timeout: 300_000 }
    const printed = await must(tool('syft') ?? '', ['scan', `oci-dir:${folder}`, '-q', '-o', 'syft-json'], options)
    const { artifacts } = JSON.parse(printed) as SyftAnswer
    return artifacts.map(({ purl, locations }) => fromPurl(purl, locations[0]?.path.replace(/^\//, '') ?? ''))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Source: purl-spec. The namespace of an OS package is the distribution. */
function fromPurl(purl: string, path: string): Package {
  const [, type = '', full = '', version = '', below] =
    /^pkg:([^/]+)\/([^@?#]+)(?:@([^?#]*))?(?:\?[^#]*)?(?:#(.*))?$/.exec(purl) ?? []
  assert.notEqual(type, '', purl)
  const name = decodeURIComponent(OS_TYPES.has(type) ? full.slice(full.lastIndexOf('/') + 1) : full)
  const whole = below === undefined ? name : `${name}/${decodeURIComponent(below)}`
  return { type, name: whole, version: decodeURIComponent(version), path }
}

async function byUs(layers: readonly string[]): Promise<Package[]> {
  const read = []
  for (const digest of layers) {
    const bytes = createReadStream(digest)
    const { facts } = await readLayer({ bytes, analyzers: ANALYZERS, limits: LAYER_LIMITS, now: () => 0 })
    read.push({ digest, facts })
  }
  const { packages, problems } = mergeLayers(read)
  assert.deepEqual(problems, [])
  return packages.map(({ type, namespace, name, version, path }) => {
    const isNamed = namespace !== null && !OS_TYPES.has(type)
    return { type, name: isNamed ? `${namespace}/${name}` : name, version, path }
  })
}

/** Of what is left when each of `these` was paired with one of `those`. */
function without(these: readonly Package[], those: readonly Package[]): Package[] {
  const key = ({ type, name, version }: Package): string => `${type} ${name} ${version}`
  const counts = new Map<string, number>()
  for (const one of those) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1)
  return these.filter((one) => {
    const left = counts.get(key(one)) ?? 0
    counts.set(key(one), left - 1)
    return left <= 0
  })
}

async function compare(
  layers: readonly string[],
): Promise<{ readonly packages: number; readonly explained: string[] }> {
  const spelled = (one: Package): Package => SPELLINGS.reduce((before, { spell }) => spell(before), one)
  const ours = (await byUs(layers)).map(spelled)
  const theirs = (await bySyft(layers, 'gzip')).map(spelled)
  const isOnPurpose = (one: Package) => ONLY_SYFT.find(({ is }) => is(one))
  const theirsAlone = without(
    theirs.filter((one) => !isOnPurpose(one)),
    ours,
  )
  assert.deepEqual({ ours: without(ours, theirs), syft: theirsAlone }, { ours: [], syft: [] })
  return { packages: ours.length, explained: theirs.flatMap((one) => isOnPurpose(one)?.why ?? []) }
}

for (const image of imageNames(/./)) {
  test(`${image}: the packages that syft finds`, { skip: skipWithout('syft') || skipWithoutImages }, async (t) => {
    const { packages, explained } = await compare([join(IMAGES, `${image}.tar.gz`)])
    t.diagnostic(`${packages} packages; of syft alone ${explained.length}: ${[...new Set(explained)].join('; ')}`)
    assert.ok(packages > 0)
  })
}

test('Debian, pip, npm, Go and Maven installs of the benchmark: the packages that syft finds', {
  skip: skipWithout('syft', 'debootstrap', 'npm', 'mvn', 'jar', 'zstd', 'python3'),
}, async (t) => {
  const { base, top } = await scanImages()
  const { packages, explained } = await compare([...base, top].map(({ gzip }) => gzip.path))
  t.diagnostic(`${packages} packages; of syft alone ${explained.length}: ${[...new Set(explained)].join('; ')}`)
  assert.ok(packages > 900)
})
