import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { analyzed, line } from '../../../test/support/analyzed.ts'
import {
  bareDatabase,
  fileOf,
  filesOf,
  imageNames,
  layerFacts,
  skipWithoutImages,
} from '../../../test/support/image-layers.ts'
import type { FileFacts } from '../facts.ts'
import { mergeLayers } from '../layers/merge-layers.ts'
import { rpm } from './rpm.ts'

const skip = { skip: skipWithoutImages }

/** Of `MANIFEST.md`, which counts keys (`gpg-pubkey`) among the packages of rpm: one in each image that has them. */
const COUNTS: Readonly<Record<string, number>> = {
  'alpine-20240923': 14,
  'alpine-3.10.9': 14,
  'alpine-3.11.13': 14,
  'alpine-3.12.12': 14,
  'alpine-3.13.12': 14,
  'alpine-3.14.10': 14,
  'alpine-3.15.11': 14,
  'alpine-3.16.9': 14,
  'alpine-3.17.10': 15,
  'alpine-3.18.9': 15,
  'alpine-3.19.4': 15,
  'alpine-3.20.3': 14,
  'alpine-3.6.5': 13,
  'alpine-3.7.3': 13,
  'alpine-3.8.5': 13,
  'alpine-3.9.6': 14,
  'almalinux-8-20230523-s390x-micro': 19,
  'almalinux-8-20231122-s390x-micro': 19,
  'almalinux-9-20220507-aarch64-micro': 22,
  'almalinux-9-20220527-s390x-micro': 22,
  'almalinux-9-20220706-aarch64-micro': 22,
  'almalinux-9-20221117-aarch64-micro': 22,
  'almalinux-9-20230222-aarch64-micro': 22,
  'almalinux-9-20230718-aarch64-micro': 22,
  'almalinux-9-20231124-aarch64-micro': 22,
  'debian-11-fat': 168,
  'debian-12-minbase': 88,
  'debian-12-os-owned-langs': 94,
  'distroless-like-debian-11': 7,
}
const NAMESPACE: Readonly<Record<string, string>> = { apk: 'alpine', deb: 'debian', rpm: 'almalinux' }

test('every image with a package database is counted here', skip, () => {
  assert.deepEqual(imageNames(/^(?!lang-|node-)/).sort(), Object.keys(COUNTS).sort())
})

for (const [image, count] of Object.entries(COUNTS)) {
  test(`${image}: ${count} packages of a known distribution, without a problem`, skip, async () => {
    const { os, packages, problems } = mergeLayers([{ digest: 'sha256:0', facts: await layerFacts(image) }])
    const ofOs = packages.filter(({ type }) => type in NAMESPACE)
    assert.deepEqual(problems, [])
    assert.equal(ofOs.length, count)
    assert.ok(ofOs.every(({ type, namespace }) => namespace === NAMESPACE[type]))
    assert.match(
      `${os?.id}-${os?.versionId}`,
      new RegExp(`^${image.split('-')[0]?.replace('distroless', 'debian')}-\\d`),
    )
    assert.deepEqual(os?.hints, image === 'alpine-20240923' ? { 'apk-repositories': 'edge' } : {})
  })
}

for (const image of imageNames(/^alpine-/)) {
  test(`${image}: as a reader of a few lines reads it`, async () => {
    const text = fileOf(image, 'lib/apk/db/installed').toString()
    const field = (stanza: string, key: string) => new RegExp(`^${key}:(.*)$`, 'm').exec(stanza)?.[1]
    const want = text
      .split('\n\n')
      .filter((stanza) => stanza.trim() !== '')
      .map((stanza) => {
        const [name, version, architecture, origin] = ['P', 'V', 'A', 'o'].map((key) => field(stanza, key))
        return `${name} ${version} ${architecture} of ${origin} ${version}`
      })
    assert.deepEqual(linesOf(await filesOf(image, 'apk')), want.sort())
  })
}

for (const image of imageNames(/^almalinux-9/)) {
  test(`${image}: the names that rpm's own index of names has`, async () => {
    const [file] = await filesOf(image, 'rpm')
    const names = file?.packages.map(({ name }) => name) ?? []
    const want = namesInTable(fileOf(image, 'var/lib/rpm/rpmdb.sqlite')).filter((name) => name !== 'gpg-pubkey')
    assert.deepEqual(names.sort(), want.sort())
  })
}

/** Whatever the file says of write-ahead logs, this connection knows of none. */
function namesInTable(bytes: Buffer): string[] {
  const copy = Buffer.from(bytes)
  copy.fill(1, 18, 20)
  using database = new DatabaseSync(':memory:')
  database.deserialize(copy)
  return database
    .prepare('SELECT key FROM Name')
    .all()
    .map(({ key }) => String(key))
}

for (const image of imageNames(/^almalinux-8/)) {
  test(`${image}: big-endian, the names that rpm's own index of names has`, async () => {
    const [file] = await filesOf(image, 'rpm')
    const names = file?.packages.map(({ name }) => name) ?? []
    const want = namesInIndex(fileOf(image, 'var/lib/rpm/Name')).filter((name) => name !== 'gpg-pubkey')
    assert.deepEqual(names.sort(), want.sort())
  })
}

/** A B-tree of BerkeleyDB with one leaf: keys, each of a length and a type, and values in turns. */
function namesInIndex(bytes: Buffer): string[] {
  const leaf = bytes.subarray(4096)
  return Array.from({ length: leaf.readUInt16BE(20) / 2 }, (_, index) => {
    const key = leaf.readUInt16BE(26 + 4 * index)
    return leaf.toString('latin1', key + 3, key + 3 + leaf.readUInt16BE(key))
  })
}

test('cbl-mariner-2.0: the names that rpm has in its own index of names', skip, async () => {
  const bytes = bareDatabase('cbl-mariner-2.0-rpmdb.sqlite')
  const result = await analyzed(rpm, 'var/lib/rpm/rpmdb.sqlite', bytes)
  assert.equal(result?.packages.length, 129)
  assert.deepEqual(result?.packages.map(({ name }) => name).sort(), namesInTable(bytes).sort())
})

/** As `rpm -qa` lists its headers (`test/external/scanner`). */
const SLE15 = [
  'bash 4.4-19.6.1 x86_64',
  'ca-certificates-mozilla-prebuilt 2.44-21.1 noarch',
  'coreutils 8.32-3.2.1 x86_64',
  'file-magic 5.32-7.14.1 noarch',
  'filesystem 15.0-11.3.2 x86_64',
  'glibc 2.31-9.3.2 x86_64',
  'libacl1 2.2.52-4.3.1 x86_64',
  'libattr1 2.4.47-2.19 x86_64',
  'libbz2-1 1.0.6-5.11.1 x86_64',
  'libcap2 2.26-4.6.1 x86_64',
  'libcrypt1 4.4.15-2.51 x86_64',
  'libdw1 0.168-4.5.3 x86_64',
  'libebl-plugins 0.168-4.5.3 x86_64',
  'libelf1 0.168-4.5.3 x86_64',
  'libgcc_s1 11.2.1+git610-1.3.9 x86_64',
  'libgcrypt20 1.8.2-8.39.1 x86_64',
  'libgmp10 6.1.2-4.6.1 x86_64',
  'libgpg-error0 1.29-1.8 x86_64',
  'liblua5_3-5 5.3.6-3.6.1 x86_64',
  'liblzma5 5.2.3-4.3.1 x86_64',
  'libmagic1 5.32-7.14.1 x86_64',
  'libncurses6 6.1-5.9.1 x86_64',
  'libpcre1 8.45-20.10.1 x86_64',
  'libpopt0 1.16-3.22 x86_64',
  'libreadline7 7.0-19.6.1 x86_64',
  'libselinux1 3.0-1.31 x86_64',
  'libstdc++6 11.2.1+git610-1.3.9 x86_64',
  'libz1 1.2.11-3.21.1 x86_64',
  'libzstd1 1.4.4-1.6.1 x86_64',
  'perl-base 5.26.1-15.87 x86_64',
  'rpm-config-SUSE 1-5.6.1 noarch',
  'rpm-ndb 4.14.3-40.1 x86_64',
  'sles-release 15.3-55.4.1 x86_64',
  'system-user-root 20190513-3.3.1 noarch',
  'terminfo-base 6.1-5.9.1 x86_64',
]
test('sle15-bci: the recorded packages of an NDB', skip, async () => {
  const result = await analyzed(rpm, 'usr/lib/sysimage/rpm/Packages.db', bareDatabase('sle15-bci-Packages.db'))
  assert.deepEqual(result?.packages.map((one) => line({ ...one, source: null })).sort(), SLE15)
})

test('debian-12-os-owned-langs: what dpkg owns is marked, what was installed by hand is not', skip, async () => {
  const owns = new Set((await filesOf('debian-12-os-owned-langs', 'dpkg')).flatMap((file) => file.owns))
  const owned = ['Django-3.2.25', 'Jinja2-3.1.2', 'requests-2.28.1', 'setuptools-66.1.1', 'urllib3-1.26.12']
  for (const name of owned) assert.ok(owns.has(`usr/lib/python3/dist-packages/${name}.egg-info/PKG-INFO`), name)
  assert.ok([...owns].some((path) => /specifications\/rack-[^/]+\.gemspec$/.test(path)))
  assert.ok(![...owns].some((path) => path.includes('usr/local')))
})

function linesOf(files: readonly FileFacts[]): string[] {
  return files.flatMap((file) => file.packages.map(line)).sort()
}
