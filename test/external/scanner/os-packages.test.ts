import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { AnalyzerResult } from '../../../src/scanner/analyzers/analyzer.ts'
import { dpkg } from '../../../src/scanner/analyzers/dpkg.ts'
import { marksPackage } from '../../../src/scanner/analyzers/marks-package.ts'
import { rpm } from '../../../src/scanner/analyzers/rpm.ts'
import type { FoundPackage } from '../../../src/scanner/package.ts'
import { analyzed } from '../../support/analyzed.ts'
import { bareDatabase, fileOf, filesOf, imageNames, skipWithoutImages } from '../../support/image-layers.ts'
import { must, skipWithout, tool } from '../../support/tools.ts'

/** The packages of real images, field by field, against what the systems' own tools print of the same databases. */

const withDpkg = { skip: skipWithout('dpkg-query') || skipWithoutImages }
const withRpm = { skip: skipWithout('rpm') || skipWithoutImages }

const DPKG_FORMAT = `\${db:Status-Status}\t\${Package}\t\${Version}\t\${Architecture}\t\${source:Package}\t\${source:Version}\n`

async function dpkgQuery(admindir: string): Promise<string[]> {
  const printed = await must(tool('dpkg-query') ?? '', [`--admindir=${admindir}`, '-W', `-f=${DPKG_FORMAT}`])
  const lines = printed.split('\n').filter((line) => line.startsWith('installed\t'))
  return lines.map((line) => line.slice('installed\t'.length)).sort()
}

/** A package without a source is its own. */
function asDpkg({ name, version, architecture, source }: FoundPackage): string {
  return [name, version, architecture ?? '', source?.name ?? name, source?.version ?? version].join('\t')
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'entrepot-os-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

async function adminDir(t: TestContext, status: string | Buffer): Promise<string> {
  const path = await folder(t)
  await mkdir(join(path, 'info'))
  await mkdir(join(path, 'updates'))
  await writeFile(join(path, 'status'), status)
  return path
}

for (const image of imageNames(/^debian-/)) {
  test(`${image}: what dpkg-query prints`, withDpkg, async (t) => {
    const want = await dpkgQuery(await adminDir(t, fileOf(image, 'var/lib/dpkg/status')))
    const files = await filesOf(image, 'dpkg')
    assert.deepEqual(files.flatMap((file) => file.packages.map(asDpkg)).sort(), want)
    assert.ok(want.length > 80)
  })
}

test('distroless: what dpkg-query prints of the same stanzas in a status file', withDpkg, async (t) => {
  const image = 'distroless-like-debian-11'
  const files = (await filesOf(image, 'dpkg')).filter(({ packages }) => packages.length > 0)
  const stanzas = files.map(({ path }) => `Status: install ok installed\n${fileOf(image, path).toString().trim()}\n\n`)
  const want = await dpkgQuery(await adminDir(t, stanzas.join('')))
  assert.deepEqual(files.flatMap((file) => file.packages.map(asDpkg)).sort(), want)
  assert.equal(want.length, 7)
})

const HERE = '/var/lib/dpkg'
const noDpkgHere = existsSync(join(HERE, 'status')) ? skipWithout('dpkg-query') : 'this machine has no dpkg'
test('this machine: what dpkg-query prints, and the files it lists', { skip: noDpkgHere }, async (t) => {
  const status = await readFile(join(HERE, 'status'))
  const result = await analyzed(dpkg, 'var/lib/dpkg/status', status)
  assert.deepEqual(result?.packages.map(asDpkg).sort(), await dpkgQuery(await adminDir(t, status)))
  assert.deepEqual(
    result?.problems.filter(({ weight }) => weight === 'fatal'),
    [],
  )
  const owned = new Set<string>()
  for (const name of (await readdir(join(HERE, 'info'))).filter((file) => file.endsWith('.list'))) {
    const list = await readFile(join(HERE, 'info', name))
    const facts = await analyzed(dpkg, `var/lib/dpkg/info/${name}`, list)
    for (const path of facts?.owns ?? []) owned.add(path)
    const files = list
      .toString()
      .split('\n')
      .filter((line) => line !== '' && line !== '/.')
    const directories = new Set(files.map((path) => path.slice(0, path.lastIndexOf('/'))))
    const marking = files.filter((path) => !directories.has(path) && marksPackage(path.slice(1)))
    assert.deepEqual(
      facts?.owns.filter((path) => directories.has(`/${path}`)),
      [],
      name,
    )
    assert.equal(facts?.owns.length, marking.length, name)
  }
  assert.ok(owned.has('usr/bin/dpkg'))
})

const RPM_FORMAT = '%{NAME}\\t%{EVR}\\t%{ARCH}\\t%{SOURCERPM}\\t%{MODULARITYLABEL}\\n'

interface RpmAnswer {
  readonly packages: readonly string[]
  readonly files: readonly string[]
}

/** rpm writes beside what it reads, so it gets a copy. */
async function rpmQuery(t: TestContext, file: string, bytes: Buffer, backend: 'sqlite' | 'bdb_ro'): Promise<RpmAnswer> {
  const path = await folder(t)
  await writeFile(join(path, file), bytes)
  return await rpmQueryIn(path, backend)
}

async function rpmQueryIn(path: string, backend: 'sqlite' | 'bdb_ro'): Promise<RpmAnswer> {
  const query = async (format: string): Promise<string[]> => {
    const args = ['--dbpath', path, '--define', `_db_backend ${backend}`, '-qa', '--qf', format]
    const lines = (await must(tool('rpm') ?? '', args)).split('\n')
    return lines.filter((line) => line !== '' && !line.startsWith('gpg-pubkey\t')).sort()
  }
  return { packages: await query(RPM_FORMAT), files: await query('[%{FILEMODES:perms} %{FILENAMES}\\n]') }
}

function asRpm({ name, version, architecture, source, module }: FoundPackage): string {
  const sourceFile = source && `${source.name}-${source.version.replace(/^\d+:/, '')}.src.rpm`
  return [name, version, architecture ?? '(none)', sourceFile ?? '(none)', module ?? '(none)'].join('\t')
}

function checkAgainst(result: AnalyzerResult | null | undefined, { packages, files }: RpmAnswer, count: number): void {
  assert.deepEqual(result?.problems, [])
  assert.deepEqual(result?.packages.map(asRpm).sort(), packages)
  assert.equal(packages.length, count)
  const notDirectories = files.filter((line) => !line.startsWith('d')).map((line) => line.replace(/^\S+ \//, ''))
  assert.deepEqual([...(result?.owns ?? [])].sort(), notDirectories.filter(marksPackage).sort())
}

for (const image of imageNames(/^almalinux-9/)) {
  test(`${image}: what rpm -qa prints`, withRpm, async (t) => {
    const [file] = await filesOf(image, 'rpm')
    const bytes = fileOf(image, 'var/lib/rpm/rpmdb.sqlite')
    checkAgainst(file, await rpmQuery(t, 'rpmdb.sqlite', bytes, 'sqlite'), 22)
  })
}

for (const image of imageNames(/^almalinux-8/)) {
  test(`${image}: what rpm -qa prints of a big-endian BerkeleyDB`, withRpm, async (t) => {
    const [file] = await filesOf(image, 'rpm')
    checkAgainst(file, await rpmQuery(t, 'Packages', fileOf(image, 'var/lib/rpm/Packages'), 'bdb_ro'), 19)
  })
}

test('libuuid-Packages: what rpm -qa prints of a BerkeleyDB', withRpm, async (t) => {
  const bytes = bareDatabase('libuuid-Packages')
  const result = await analyzed(rpm, 'var/lib/rpm/Packages', bytes)
  checkAgainst(result, await rpmQuery(t, 'Packages', bytes, 'bdb_ro'), 1)
})

test('cbl-mariner-2.0: what rpm -qa prints', withRpm, async (t) => {
  const bytes = bareDatabase('cbl-mariner-2.0-rpmdb.sqlite')
  const result = await analyzed(rpm, 'var/lib/rpm/rpmdb.sqlite', bytes)
  checkAgainst(result, await rpmQuery(t, 'rpmdb.sqlite', bytes, 'sqlite'), 129)
})

test('sle15-bci: what rpm -qa prints of the headers of an NDB, which it cannot open itself', withRpm, async (t) => {
  const bytes = bareDatabase('sle15-bci-Packages.db')
  const result = await analyzed(rpm, 'usr/lib/sysimage/rpm/Packages.db', bytes)
  const path = await folder(t)
  await must(tool('rpm') ?? '', ['--dbpath', path, '--define', '_db_backend sqlite', '--initdb'])
  using database = new DatabaseSync(join(path, 'rpmdb.sqlite'))
  const insert = database.prepare('INSERT INTO Packages (blob) VALUES (?)')
  for (const header of headersOf(bytes)) insert.run(header)
  checkAgainst(result, await rpmQueryIn(path, 'sqlite'), 35)
})

/** Looks for the heads of packages and asks no slot. */
function headersOf(ndb: Buffer): Buffer[] {
  const headers: Buffer[] = []
  for (let at = 4096; at < ndb.length; at += 16) {
    const length = ndb.readUInt32LE(at + 12)
    if (ndb.toString('latin1', at, at + 4) === 'BlbS') headers.push(ndb.subarray(at + 16, at + 16 + length))
  }
  return headers
}
