import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openLocal } from '../../src/compose.ts'
import { OCI, ScanServer } from '../support/scan-server.ts'
import { dpkgStatus, OS_RELEASE } from '../support/scan-world.ts'

// `entrepot scan` against a server that listens and scans, then on its data when it is gone.

const OLD = [OS_RELEASE, dpkgStatus('openssl 3.0.9-1', 'bash 5.2-1')]
const APP = [
  { path: 'app/node_modules/leftpad/package.json', content: JSON.stringify({ name: 'leftpad', version: '1.0.0' }) },
]
const CLEAN = [OS_RELEASE, dpkgStatus('openssl 3.0.12-1')]

let server: ScanServer
const images = { app: '', clean: '', index: '' }

before(async () => {
  server = await ScanServer.open()
  await server.registry('acme')
  await server.registry('unscanned', { features: { vulnerabilityScanning: { enabled: false } } })
  await server.logIn()
  images.app = await server.image('acme/team/app', 'v1', OLD, APP)
  images.clean = await server.image('acme/team/app', 'clean', CLEAN)
  await server.image('acme/team/app', 'empty', [{ path: 'hello', content: 'world' }])
  await server.image('unscanned/app', 'v1', OLD)
  const platform = (architecture: string) => ({ os: 'linux', architecture })
  images.index = await server.manifest('acme/team/app', 'all', OCI.index, {
    manifests: [
      { mediaType: OCI.manifest, digest: images.clean, size: 1, platform: platform('arm64') },
      { mediaType: OCI.manifest, digest: images.app, size: 1, platform: platform('amd64') },
    ],
  })
})
after(() => server[Symbol.asyncDispose]())

test('before there are advisories: Unknown, and a pipeline stops', async () => {
  const { code, out, err } = await server.type('scan acme/team/app:v1 --fail-on critical')
  assert.equal(code, 1)
  assert.match(out, /status {5}Unknown: this installation has no advisories yet.*\(last scan 2026-02-01T12:00:00Z\)/)
  assert.match(out, /judged by {2}nothing: this installation has no advisories yet/)
  assert.doesNotMatch(out, /No known vulnerabilities/)
  assert.match(err, /Does not pass: nothing can be said of it: this installation has no advisories yet/)
  const allowed = await server.type('scan acme/team/app:v1 --fail-on critical --allow-unknown')
  assert.deepEqual([allowed.code, allowed.err], [0, ''])
})

test('advisories came: the scan is waited for, the report tells what, how bad and what to do', async () => {
  await server.import('1-known.json')
  await server.import('2-published.json')
  await server.tick()
  const { code, out } = await server.type('scan acme/team/app:v1')
  assert.equal(code, 0)
  const [head = '', findings, advice] = out.split('\n\n')
  assert.match(head, /^acme\/team\/app:v1\n {2}digest {5}sha256:/)
  assert.match(
    head,
    /system {5}Debian GNU\/Linux 12 \(bookworm\), supported until 2028-06-30\n {2}status {5}scanned 2026-/,
  )
  assert.match(head, /judged by {2}advisories of osv \(2\), the newest of 2026-02-01, taken in within the hour/)
  assert.match(head, /packages {3}3\n {2}found {6}2 vulnerabilities: 1 critical, 1 medium; 2 fixable$/)
  const layer = /layer sha256:[0-9a-f]{12}/.exec(findings ?? '')?.[0]
  assert.deepEqual(findings?.replaceAll(/ +/g, ' ').split('\n'), [
    'SEVERITY SCORE VULNERABILITY PACKAGE INSTALLED FIXED IN URGENCY WHERE',
    `critical 9.8 CVE-2026-2001 openssl 3.0.9-1 3.0.11-1~deb12u2 ${layer}`,
    'medium 5.3 CVE-2026-1001 leftpad 1.0.0 1.0.1 app/node_modules/leftpad/package.json',
  ])
  assert.deepEqual(advice?.replaceAll(/ +/g, ' ').split('\n'), [
    'What to do:',
    ' UPGRADE FROM TO MENDS WORST',
    ' openssl 3.0.9-1 3.0.11-1~deb12u2 1 critical',
    ' leftpad 1.0.0 1.0.1 1 medium',
  ])
})

test('--json is the report of the API, whatever the image is called by', async () => {
  const [registry] = (await server.get('/registries?filter.name=acme')).items
  const path = `/api/v1/registries/${registry.id}/repositories/team%2Fapp/artifacts/${images.app}/report`
  const report = await server.get(path)
  assert.equal(report.findings[0].id, 'CVE-2026-2001')
  const host = new URL(server.url).host
  for (const name of ['acme/team/app:v1', `acme/team/app@${images.app}`, `${host}/acme/team/app:v1`])
    assert.deepEqual((await server.type(`scan ${name} --json`)).json, report, name)
})

test('an index: each image in short, and one of them alone', async () => {
  const { out, code, err } = await server.type('scan acme/team/app:all --severity high')
  assert.equal(code, 0, err)
  assert.match(out, /linux\/arm64 +nothing +1 +Debian GNU\/Linux 12 \(bookworm\) +sha256:/)
  assert.match(out, /linux\/amd64 +1 critical, 1 medium +3 +Debian/)
  assert.match(out, /\(1 more finding is not shown: --severity, --fixable\)/)
  const arm = await server.type('scan acme/team/app:all --platform linux/arm64')
  assert.match(arm.out, new RegExp(`digest {5}${images.clean}\\n`))
  assert.match(arm.out, /No known vulnerabilities were found in what could be examined; that does not prove/)
  const none = await server.type('scan acme/team/app:all --platform linux/s390x')
  assert.deepEqual([none.code, none.err], [2, '--platform linux/s390x is not there: it has linux/arm64, linux/amd64'])
})

const pipelines = [
  { line: 'acme/team/app:v1 --fail-on critical', code: 1, says: /^Does not pass: --fail-on critical: 1 found$/ },
  {
    line: 'acme/team/app:v1 --fail-on low,fixable',
    code: 1,
    says: /--fail-on low: 2 found\n.*--fail-on fixable: 2 found$/,
  },
  { line: 'acme/team/app:v1 --fail-on unknown', code: 0, says: /^$/ },
  { line: 'acme/team/app:clean --fail-on any', code: 0, says: /^$/ },
  {
    line: 'acme/team/app:empty --fail-on critical',
    code: 1,
    says: /neither an operating system nor packages were found/,
  },
  { line: 'acme/team/app:empty', code: 0, says: /^$/ },
  { line: 'unscanned/app:v1 --fail-on critical', code: 1, says: /^No scan was asked for: .*switched off/ },
  { line: 'acme/team/app:v2', code: 1, says: /^entrepot: tag "v2" does not exist in this repository$/ },
  { line: 'beta/app:v1', code: 1, says: /^entrepot: registry "beta" does not exist in this contract$/ },
  { line: 'docker.io/acme/app', code: 1, says: /no registry of this contract has images named docker.io\/acme/ },
  { line: 'acme', code: 2, says: /names no image/ },
  { line: 'acme/app --fail-on bad', code: 2, says: /--fail-on bad is not valid: write one of critical, high/ },
  { line: 'acme/app --severity bad', code: 2, says: /--severity bad is not valid/ },
  { line: 'acme/app --timeout 5', code: 2, says: /--timeout 5 is not valid: write such as 90s/ },
  { line: 'acme/app --timeout 25h', code: 2, says: /at most 24h/ },
  { line: 'acme/app --allow-unknown', code: 2, says: /--allow-unknown is for --fail-on/ },
  { line: 'acme/app --json --severity high', code: 2, says: /--severity is for the table/ },
  { line: 'acme/app --history --force', code: 2, says: /--history scans nothing/ },
]
for (const { line, code, says } of pipelines) {
  test(`scan ${line}: exit code ${code}`, async () => {
    const printed = await server.type(`scan ${line}`)
    assert.equal(printed.code, code, printed.err)
    assert.match(printed.err.replace(/^Scanning .*\n?/, ''), says)
  })
}

test('--force looks at all of an index again; without waiting it is told who does it', async () => {
  const before = (await server.type('scan acme/team/app:all --json')).json
  server.clock.now += 1_000
  const asked = await server.type('scan acme/team/app:all --force --json')
  assert.equal(asked.code, 0, asked.err)
  for (const [at, { scannedAt }] of asked.json.images.entries())
    assert.ok(scannedAt > before.images[at].scannedAt, `image ${at}`)
  const left = await server.type('scan acme/team/app:v1 --force --no-wait')
  assert.deepEqual([left.code, left.err], [0, `A scan is asked for: ${server.url} does it`])
})

test('who may only read sees reports, and is told that a scan is not theirs to ask for', async () => {
  const { secret } = (await server.type('key create reader --read-only --json')).json
  const env = { ENTREPOT_URL: server.url, ENTREPOT_API_KEY: secret }
  assert.deepEqual((await server.type('scan acme/team/app:v1', { env })).err, '')
  const refused = await server.type('scan acme/team/app:v1 --force', { env })
  assert.deepEqual([refused.code, refused.out], [1, ''])
  assert.match(refused.err, /^entrepot: the API key "reader" may only read/)
})

test('--history: what was re-scored and vanished, the newest first; of an index, by image', async () => {
  for (const file of ['3-downgraded.json', '4-withdrawn.json']) {
    await server.import(file)
    await server.tick()
    await server.type('scan acme/team/app:v1')
  }
  const { code, out } = await server.type('scan acme/team/app:v1 --history')
  assert.equal(code, 0)
  assert.deepEqual(
    out.split('\n').filter((line) => line.startsWith('  ')),
    [
      '  vanished  CVE-2026-2001 high 7.5 in deb debian/openssl 3.0.9-1: withdrawn',
      '  re-scored CVE-2026-2001 high 7.5 in deb debian/openssl 3.0.9-1, before critical 9.8 by osv:DEBIAN',
      '  status Unknown → scanned',
    ],
  )
  assert.match((await server.type('scan acme/team/app:all --history')).out, new RegExp(`Z {2}image ${images.app}\\n`))
  assert.equal((await server.type('scan acme/team/app:v1 --history --json')).json[0].vanished[0].why, 'withdrawn')
})

test('on the data of a server that is gone, the command scans by itself', async () => {
  await server.image('acme/team/app', 'last', OLD, APP)
  await server.stop()
  const here = (line: string) => server.type(`scan ${line} --data ${server.data}`, { env: {}, openLocal })
  const left = await here('acme/team/app:v1 --force --no-wait')
  assert.deepEqual(
    [left.code, left.err],
    [0, 'A scan is asked for: a server on this data does it, or the next scan here'],
  )
  const late = await here('acme/team/app:v1 --force --timeout 0s')
  assert.equal(late.code, 1)
  assert.match(late.err, /The scan is not done in time: a server on this data does it, or the next scan here/)
  const forced = await here('acme/team/app:v1 --force --fail-on medium')
  assert.equal(forced.code, 1)
  assert.match(forced.err, /^Scanning acme\/team\/app@sha256:.*\nDoes not pass: --fail-on medium: 1 found$/)
  assert.equal((await here('acme/team/app:last --json')).json.status, 'scanned')
})
