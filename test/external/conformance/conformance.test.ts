import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { after, test } from 'node:test'
import { skipWithoutPostgres, stopPostgres } from '../../support/postgres.ts'
import { skipWithoutS3 } from '../../support/s3.ts'
import { skipWithout } from '../../support/tools.ts'
import type { Case, Report } from './report.ts'
import type { Profile } from './suite.ts'
import { runSuite } from './suite.ts'
import type { Target } from './target.ts'
import { givenServer, startEmbedded, startScaledOut, startWithTls } from './target.ts'

/** What a profile turns off by itself; anything else that does not pass is a finding. */
type Off = { cases: number; apis: string[]; data: string[] }

/** The development profile has everything but sparse manifests, which have a run of their own. */
const dev: Off = { cases: 0, apis: [], data: ['Sparse Manifests'] }
/** Version 1.1 does not know upload cancel (one case for each digest algorithm) and tag parameters. */
const stable: Off = {
  cases: 2,
  apis: ['Blob upload cancel', 'Manifest put with tag params'],
  data: ['Sparse Manifests', 'Tag Param', 'Tag Param sha512'],
}
/** A report with fewer cases than this one did not run what it says. */
const fewestCases = 690

type Stage = { name: string; start: () => Promise<Target>; skip: false | string }

const embedded: Stage = {
  name: givenServer === undefined ? 'SQLite and files' : 'the given server',
  start: startEmbedded,
  skip: skipWithout('conformance'),
}
const ours = givenServer === undefined ? false : 'CONFORMANCE_TARGET names another server'
const secure: Stage = { name: 'TLS', start: startWithTls, skip: ours || skipWithout('conformance', 'openssl') }
const scaledOut: Stage = {
  name: 'PostgreSQL and S3',
  start: startScaledOut,
  skip: ours || skipWithout('conformance') || skipWithoutPostgres() || skipWithoutS3(),
}

after(stopPostgres)

conformance('1.1', embedded, { version: '1.1', sparse: false }, stable)
conformance('dev', embedded, { version: 'dev', sparse: false }, dev)
conformance('dev', secure, { version: 'dev', sparse: false }, dev)
conformance('dev', scaledOut, { version: 'dev', sparse: false }, dev)
sparse(embedded)
sparse(scaledOut)

/** Every case passes, none is skipped, and only what the profile itself turns off is off. */
function conformance(version: string, { name, start, skip }: Stage, profile: Profile, off: Off): void {
  test(`OCI ${version} on ${name}`, { skip }, async (t) => {
    const report = await runOn(start, profile, `${version} ${name}`, t)
    for (const [group, cases] of grouped(report.cases)) {
      await t.test(`${group} (${cases.length} cases)`, () => assertAllPass(cases, off))
    }
    await t.test(`${report.cases.length} cases, ${off.cases} off`, () => assertTotals(report, off))
    await t.test('each interface and each kind of data', () => {
      assert.deepEqual(notPassed(report.apis), new Map(off.apis.map((api) => [api, 'Disabled'])))
      assert.deepEqual(notPassed(report.data), new Map(off.data.map((data) => [data, 'Disabled'])))
    })
  })
}

/** The suite starts anew for each run, and so does the server: a run must not live on what another one left. */
async function runOn(start: Stage['start'], profile: Profile, label: string, t: TestContext): Promise<Report> {
  await using target = await start()
  const report = await runSuite(target, profile, label)
  if (report.totals.failures + report.totals.errors > 0 && !profile.sparse) t.diagnostic(target.logs().slice(-4000))
  return report
}

/** By what is tested: a data set, or one way to move a blob. */
function grouped(cases: Case[]): Map<string, Case[]> {
  return Map.groupBy(cases, ({ name }) => {
    const [first = '', second = ''] = name.split('/')
    return first.endsWith(' blobs') ? `${first}/${second}` : first
  })
}

function assertAllPass(cases: Case[], off: Off): void {
  const findings = cases.filter((one) => one.status !== 'passed' && !isOff(one, off))
  assert.ok(findings.length === 0, findings.map(describe).join('\n\n'))
}

function isOff({ name, status }: Case, off: Off): boolean {
  return (
    status === 'skipped' && off.apis.includes('Blob upload cancel') && name.endsWith('/post cancel/blob-post-cancel')
  )
}

function assertTotals({ totals, cases }: Report, off: Off): void {
  assert.deepEqual(totals, { tests: totals.tests, failures: 0, errors: 0, skipped: 0, disabled: off.cases })
  // `tests` also counts the groups that have cases of their own, so it is only a bound.
  assert.ok(cases.length <= totals.tests, `${cases.length} cases, but the suite counts ${totals.tests}`)
  assert.ok(cases.length >= fewestCases, `only ${cases.length} cases ran`)
}

function notPassed(statuses: Map<string, string>): Map<string, string> {
  return new Map([...statuses].filter(([, status]) => status !== 'Pass'))
}

function describe({ name, status, errors, exchange }: Case): string {
  return `${name}: ${status}\n${errors.trim()}\n${exchange.trim().slice(0, 3000)}`
}

/**
 * The suite holds that a registry may take a manifest without its blobs, and an index without its manifests. We take
 * the index, since real tools push such, and refuse the image: who pulls it would find it broken.
 */
function sparse({ name, start, skip }: Stage): void {
  test(`OCI dev with sparse manifests on ${name}`, { skip }, async (t) => {
    const report = await runOn(start, { version: 'dev', sparse: true }, `sparse ${name}`, t)
    const [pushed] = report.cases.filter((one) => one.name === 'sparse/push/manifest-by-digest')
    const image = ['sparse-image', pushed?.reference]
    const [ofImage, others] = partition(report.cases, (one) => isOfSparseImage(one, image))
    await t.test('the image without its layer is refused', () => {
      assert.equal(pushed?.status, 'failure', 'its push by digest was taken')
      assert.match(pushed.exchange, /MANIFEST_BLOB_UNKNOWN/)
      const byTag = ofImage.find((one) => one.name === 'sparse/push/manifest-by-tag')
      assert.match(byTag?.exchange ?? '', /MANIFEST_BLOB_UNKNOWN/)
    })
    await t.test('the index without one of its manifests is taken', () => {
      const byTag = others.find((one) => one.name.endsWith('manifest-by-tag') && one.reference === 'sparse-index')
      assert.equal(byTag?.status, 'passed')
    })
    await t.test('nothing else fails', () => assertAllPass(others, dev))
    await t.test('all other data passes', () => {
      assert.deepEqual([...notPassed(report.data).keys()], ['Sparse Manifests'])
    })
  })
}

function isOfSparseImage({ name, reference, errors }: Case, image: (string | undefined)[]): boolean {
  if (name === 'sparse/tag-list') return errors.trim() === 'missing tag "sparse-image" from listing'
  return name.startsWith('sparse/') && reference !== undefined && image.includes(reference)
}

function partition(cases: Case[], belongs: (one: Case) => boolean): [Case[], Case[]] {
  return [cases.filter(belongs), cases.filter((one) => !belongs(one))]
}
