import assert from 'node:assert/strict'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { canonicalName } from '../ecosystem.ts'
import type { FileReport } from './file-tally.ts'
import { importAdvisories } from './import-advisories.ts'
import type { OpenSnapshot } from './open-snapshot.ts'
import { openSnapshot } from './open-snapshot.ts'

// All published data that we have, counted once more in the plainest way. A checkout without it beside it skips.

const DATA = fileURLToPath(new URL('../../../../shared/data/advisories', import.meta.url))
const skip = existsSync(DATA) ? false : 'no ../shared/data/advisories'
const FOLDER = mkdtempSync(join(tmpdir(), 'entrepot-published-'))

let files: ReadonlyMap<string, FileReport>
let index: OpenSnapshot

before(async () => {
  if (skip) return
  const result = await importAdvisories({ paths: [DATA], base: null, folder: FOLDER, now: 1 })
  assert.ok(result.snapshot)
  files = new Map(result.files.map((file) => [basename(file.path), file]))
  index = openSnapshot(result.snapshot.path)
})
after(() => {
  index?.[Symbol.dispose]()
  rmSync(FOLDER, { recursive: true, force: true })
})

// biome-ignore lint/suspicious/noExplicitAny: published records, in their own words
type Published = any

test('OSV: every file gives what a plain count of its lines gives', { skip }, () => {
  for (const path of globSync('osv/*.jsonl.gz', { cwd: DATA }).sort()) {
    const records = linesOf(path)
    const bugFixes = records.filter(({ id }) => /^AL[BE]A-/.test(id)).length
    const withdrawn = records.filter((record) => record.withdrawn).length
    const bad = records.filter((record) =>
      (record.affected ?? []).some((one: Published) => one.package && !isList(one.versions) && !hasVersionRange(one)),
    ).length
    const report = files.get(basename(path))
    assert.ok(report && report.refused === null, path)
    const { notVulnerabilities, older } = report
    assert.deepEqual([notVulnerabilities, report.withdrawn, report.bad], [bugFixes, withdrawn, bad], path)
    assert.equal(report.records + older, records.length - bugFixes - withdrawn - bad, path)
  }
})

test('OSV: every package has exactly the advisories and versions that a plain evaluation finds', { skip }, () => {
  const want = new Map<string, string[]>()
  const paths = globSync('osv/*.jsonl.gz', { cwd: DATA }).sort()
  const isMixed = (path: string): boolean => /mixed|cratesio|go\./.test(path) // share ids: the newer wins
  const shared = new Set(paths.filter(isMixed).flatMap((path) => linesOf(path).map(({ id }) => id)))
  for (const path of paths) {
    if (isMixed(path)) continue
    const distinct = new Map(linesOf(path).map((record) => [record.id, record]))
    for (const record of distinct.values())
      if (!record.withdrawn && !/^AL[BE]A-/.test(record.id) && !shared.has(record.id)) addPlainly(record, want)
  }
  const wrong: string[] = []
  for (const [key, said] of want) {
    const [ecosystem = '', name = ''] = key.split('\n')
    const found = index
      .affecting(ecosystem, name)
      .filter(
        ({ advisory }) => /^(ALSA|DSA|DLA|PYSEC|RETIREJS|NSWG|FOP|RUBYSEC)-/.test(advisory) && !shared.has(advisory),
      )
    const have = new Set(
      found.map(({ advisory, ranges, versions }) =>
        fingerprint(
          advisory,
          ranges.flatMap(({ events }) => events),
          versions,
        ),
      ),
    )
    if (have.size !== new Set(said).size || said.some((one) => !have.has(one))) wrong.push(key)
  }
  assert.ok(want.size > 12_000, `${want.size} packages`)
  assert.deepEqual(wrong.slice(0, 10), [])
})

test('secdb: every CVE of every package and branch has its fix, 0 means never affected', { skip }, () => {
  const want = globSync('alpine/*.json.gz', { cwd: DATA }).flatMap((path) => [...fixesIn(JSON.parse(textOf(path)))])
  const wrong = want.filter(({ ecosystem, name, cve, fixed, never }) => {
    const said = index.affecting(ecosystem, name).filter(({ advisory }) => advisory === `ALPINE-${cve}`)
    if (never) return said.length === 0 || said.some(({ status }) => status !== 'not_affected')
    return !said.some(({ ranges }) => ranges[0]?.events.some((event) => 'fixed' in event && event.fixed === fixed))
  })
  assert.ok(want.length > 30_000)
  assert.deepEqual(wrong.slice(0, 10), [])
})

function* fixesIn({ distroversion, packages }: Published) {
  const about = packages.map(({ pkg }: Published) => pkg)
  for (const { name, secfixes } of about)
    for (const [fixed, entries] of Object.entries<string[]>(secfixes))
      for (const cve of entries.flatMap((entry) => entry.match(/CVE-\d{4}-\d{4,}/g) ?? [])) {
        const never = (secfixes['0'] ?? []).some((entry: string) => entry.includes(cve))
        yield { ecosystem: `Alpine:${distroversion}`, name, cve, fixed, never }
      }
}

test('Debian tracker: every source, CVE and release', { skip }, () => {
  const tracker: Published = JSON.parse(textOf('debian/tracker-subset.json.gz'))
  const releases: Record<string, string> = { bullseye: '11', bookworm: '12', trixie: '13' }
  let pairs = 0
  for (const [source, cves] of Object.entries<Published>(tracker))
    for (const [cve, about] of Object.entries<Published>(cves)) {
      pairs++
      for (const [codename, { fixed_version: fixed }] of Object.entries<Published>(about.releases)) {
        const said = index
          .affecting(`Debian:${releases[codename]}`, source)
          .filter(({ advisory }) => advisory === `DEBIAN-${cve}`)
        assert.deepEqual(
          said.map(({ ranges }) => ranges[0]?.events.at(-1)),
          [fixed === '0' ? undefined : { fixed }],
          `${source} ${cve} ${codename}`,
        )
      }
    }
  assert.deepEqual([pairs, files.get('tracker-subset.json.gz')?.records], [4404, 4404])
})

test('scores: 39,440 of 32,765 CVEs; those are known that are stated otherwise than their vector says', {
  skip,
}, () => {
  const rows = textOf('scores/cvss-vulnrichment.csv.gz')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
  const cves = new Set(rows.map(([cve]) => cve as string))
  const scores = [...cves].flatMap((cve) => index.cve(cve)?.scores ?? [])
  assert.deepEqual([rows.length, cves.size, scores.length], [39_440, 32_765, 39_440])
  // The manifest's 375, and ten of version 4.0 in which GitHub put the threat metric into the number: that is not the base score either.
  const others = scores.filter(({ stated }) => stated !== null)
  const threats = others.filter(({ version, vector }) => version === '4.0' && /\/E:[APU]/.test(vector ?? ''))
  assert.deepEqual([others.length, threats.length], [385, 10])
  assert.ok(scores.every(({ score, vector }) => score !== null && vector !== null))
})

test('KEV, EPSS and descriptions: as many as their files say', { skip }, () => {
  const kev: Published = JSON.parse(textOf('scores/kev.json.gz'))
  for (const { cveID, dateAdded } of kev.vulnerabilities)
    assert.equal(index.cve(cveID)?.knownExploitedSince, Date.parse(dateAdded), cveID)
  const counts = ['kev.json.gz', 'epss-cvss-of-kev.csv.gz', 'cve-meta-vulnrichment.csv.gz'].map(
    (name) => files.get(name)?.records,
  )
  assert.deepEqual(counts, [1404, 1556, 44_026])
  assert.equal(files.get('cve-meta-vulnrichment.csv.gz')?.withdrawn, 104)
})

function addPlainly(record: Published, want: Map<string, string[]>): void {
  for (const one of record.affected ?? []) {
    if (!one.package) continue
    const { ecosystem, name } = one.package
    const ranges = (one.ranges ?? []).filter((range: Published) => range.type !== 'GIT')
    if (ranges.length + (one.versions ?? []).length === 0) continue
    const key = `${ecosystem}\n${canonicalName(ecosystem, name)}`
    const events = ranges.flatMap((range: Published) => range.events)
    want.set(key, [...(want.get(key) ?? []), fingerprint(record.id, events, one.versions ?? [])])
  }
}

function fingerprint(id: string, events: readonly object[], versions: readonly string[]): string {
  return JSON.stringify([id, events, versions]).replaceAll('last_affected', 'lastAffected')
}

function hasVersionRange({ ranges = [] }: Published): boolean {
  return ranges.some(({ type }: Published) => type !== 'GIT')
}

function isList(value: unknown): boolean {
  return value === undefined || Array.isArray(value)
}

function linesOf(path: string): Published[] {
  return textOf(path)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

function textOf(path: string): string {
  return gunzipSync(readFileSync(join(DATA, path))).toString()
}
