import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { baseScore, scoreOf } from '../../../src/scanner/advisories/cvss.ts'
import type { FileReport } from '../../../src/scanner/advisories/file-tally.ts'
import { FileTally } from '../../../src/scanner/advisories/file-tally.ts'
import { ImportError, NotAdvisories } from '../../../src/scanner/advisories/import-error.ts'
import { createFile } from '../../../src/scanner/advisories/sqlite-file.ts'
import { STAGING_TABLES, Staging } from '../../../src/scanner/advisories/staging.ts'
import { takeFile } from '../../../src/scanner/advisories/take-file.ts'
import { textTaker } from '../../../src/scanner/advisories/take-text.ts'
import { zip } from '../../support/zip-members.ts'
import type { Target } from '../target.ts'

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const CVE = 'CVE-2024-12345'
const OSV = {
  id: 'GHSA-aaaa-bbbb-cccc',
  modified: '2024-05-01T00:00:00Z',
  published: '2024-04-01T00:00:00Z',
  aliases: [CVE],
  summary: 'x',
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'npm', name: '@s/a' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.3' }] }],
      versions: ['1.0.0'],
      database_specific: { severity: 'HIGH' },
    },
    {
      package: { ecosystem: 'Ubuntu:22.04:LTS', name: 'b' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '1' }, { last_affected: '2' }] }],
    },
  ],
  references: [{ type: 'WEB', url: 'https://example.org/' }],
}
const SECDB = {
  distroversion: 'v3.20',
  reponame: 'main',
  urlprefix: 'https://dl-cdn.alpinelinux.org/alpine',
  packages: [
    {
      pkg: {
        name: 'zlib',
        secfixes: { '1.2.12-r2': [`${CVE} (+ fix) GHSA-aaaa-bbbb-cccc`, 'XSA-1'], 0: ['CVE_2019-1111'] },
      },
    },
  ],
}
const TRACKER = {
  openssl: {
    [CVE]: {
      description: 'x',
      releases: {
        bookworm: {
          status: 'resolved',
          fixed_version: '3.0.11-1',
          urgency: 'not yet assigned',
          repositories: { bookworm: '3.0.11-1' },
        },
        bullseye: { status: 'open', urgency: 'low', nodsa: 'minor', nodsa_reason: 'ignored' },
      },
    },
  },
  zlib: { 'TEMP-1': { releases: { sid: { status: 'undetermined' } } } },
}
const KEV = {
  catalogVersion: '2024.05.01',
  dateReleased: '2024-05-01T00:00:00Z',
  vulnerabilities: [{ cveID: CVE, dateAdded: '2024-04-30' }],
}
const CSAF = {
  document: {
    category: 'csaf_vex',
    publisher: { name: 'Red Hat Product Security' },
    aggregate_severity: { text: 'Important' },
    tracking: { id: CVE, current_release_date: '2024-05-01T00:00:00Z', initial_release_date: '2024-04-01T00:00:00Z' },
    title: 't',
  },
  product_tree: {
    branches: [
      {
        branches: [
          {
            product: {
              product_id: 'R9',
              product_identification_helper: { cpe: 'cpe:/o:redhat:enterprise_linux:9::baseos' },
            },
          },
          {
            product: {
              product_id: 'p',
              product_identification_helper: { purl: 'pkg:rpm/redhat/openssl@3.0-1.el9?arch=x86_64&epoch=1' },
            },
          },
        ],
      },
    ],
    relationships: [
      { full_product_name: { product_id: 'R9:p' }, product_reference: 'p', relates_to_product_reference: 'R9' },
    ],
  },
  vulnerabilities: [
    {
      cve: CVE,
      product_status: { fixed: ['R9:p'], known_affected: ['R9:openssl'], known_not_affected: [] },
      remediations: [{ category: 'no_fix_planned', product_ids: ['R9:openssl'] }],
      scores: [
        {
          cvss_v3: { vectorString: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', baseScore: 9.8 },
          products: ['R9:p'],
        },
      ],
      notes: [{ category: 'description', text: 'x' }],
      references: [{ url: 'https://x' }],
    },
  ],
}
const SCORES = `cve,source,cvss_version,vector,base_score\n${CVE},nvd,3.1,CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H,9.8\n${CVE},"a ""b"", c",2.0,AV:N/AC:L/Au:N/C:P/I:P/A:P,7.5\n`
const EPSS = `#model_version:v2025.03.14,score_date:2025-09-01T12:55:00Z\ncve,epss,percentile\n${CVE},0.97,0.99\n`
const CVES = `cve,state,published,updated,title,description\n${CVE},PUBLISHED,2024-04-01,2024-05-01,t,"a\nb"\n`

function text(name: string, content: Buffer | string, more: Partial<Target> = {}): Target {
  const target = {
    name: `advisories-${name}`,
    seeds: [Buffer.from(content)],
    words: [CVE, ',', '\n', '"', '{"', '}', '[', ']'],
  }
  return { ...target, run: (bytes) => taken((where) => pushed(textTaker(where), bytes)), ...more }
}

export const ADVISORY_TARGETS: readonly Target[] = [
  text('osv', json(OSV), { form: 'json' }),
  text(
    'osv-lines',
    `${JSON.stringify(OSV)}\n${JSON.stringify({ ...OSV, id: 'X-2', withdrawn: '2024-05-02T00:00:00Z' })}\n`,
  ),
  text('secdb', json(SECDB), { form: 'json' }),
  text('debian', json(TRACKER), { form: 'json' }),
  text('kev', json(KEV), { form: 'json' }),
  text('csaf', json(CSAF), { form: 'json' }),
  text('scores', SCORES),
  text('epss', EPSS),
  text('cves', CVES),
  {
    name: 'advisories-zip',
    seeds: [
      zip([
        { name: 'a.json', content: json(OSV) },
        { name: 'b.json', content: json({ ...OSV, id: 'X-2' }), isLarge: true },
      ]),
    ],
    words: ['PK\x03\x04', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07'],
    run: (bytes) => taken((where) => takeFile(written(bytes), where)),
  },
  {
    // A file is opened and a stream made for each; the same inflate is tried in full by the layers.
    name: 'advisories-gzip',
    fewer: 20,
    seeds: [gzipSync(json(OSV)), gzipSync(EPSS)],
    run: (bytes) => taken((where) => takeFile(written(bytes), where)),
  },
  {
    name: 'cvss',
    seeds: [
      'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
      'CVSS:3.0/AV:L/AC:H/PR:L/UI:R/S:C/C:L/I:N/A:N/E:P/RL:O',
      'AV:N/AC:L/Au:N/C:P/I:P/A:P',
      '(AV:L/AC:M/Au:S/C:C/I:N/A:N/E:U)',
      'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A',
    ].map((vector) => Buffer.from(vector)),
    words: ['CVSS:3.1/', 'CVSS:4.0/', '/AV:', '/AC:L', '/Au:N', '/S:C', '/VC:H', '/E:X', 'N', 'H', '/', ':'],
    maxBytes: 500,
    run: runCvss,
  },
]

function runCvss(bytes: Buffer): string {
  const vector = bytes.toString()
  const score = baseScore(vector)
  assert.ok(score === null || (score >= 0 && score <= 10 && Math.abs(score * 10 - Math.round(score * 10)) < 1e-6))
  const said = scoreOf('x', vector, 5)
  const number = said?.score ?? -1
  assert.ok(said !== null && number >= 0 && number <= 10)
  return `${score} ${said.version}`
}

type Where = Parameters<typeof textTaker>[0]

/** As `importAdvisories` takes one file in, with the database in memory. */
async function taken(act: (where: Where) => void | Promise<void>): Promise<string> {
  const tally = new FileTally()
  const intake = staging()
  intake.beginFile()
  try {
    await act({ intake, tally })
    return answer(tally.report('x'))
  } catch (error) {
    if (!(error instanceof ImportError || error instanceof NotAdvisories)) throw error
    return answer(tally.report('x', { refused: error.message }))
  } finally {
    intake.undoFile()
  }
}

function answer({ kinds, records, bad, badOnes, withdrawn, refused }: FileReport): string {
  assert.ok(badOnes.length <= bad && badOnes.every(({ reason }) => reason.length < 1000))
  assert.ok(refused !== null || records + withdrawn + bad > 0 || kinds.length > 0, 'a file of nothing was taken')
  const reasons = [refused ?? '', ...badOnes.map(({ reason }) => reason)]
  const words = new Set(reasons.map((one) => one.replace(/\d+|"[^"]*"|\([^)]*\)/g, '#').slice(0, 60)))
  return `${kinds.join()} ${Math.min(records, 3)} ${Math.min(withdrawn, 2)} ${[...words].sort().join('; ')}`
}

function pushed(taker: ReturnType<typeof textTaker>, bytes: Buffer): void {
  const piece = 1 + (bytes.length % 4) * 300 + (bytes.length >> 2)
  for (let at = 0; at < bytes.length; at += piece) taker.push(bytes.subarray(at, at + piece))
  taker.end()
}

let made: Staging | null = null
function staging(): Staging {
  if (made === null) {
    const database = createFile(':memory:')
    database.exec(`ATTACH ':memory:' AS s; ${STAGING_TABLES}`)
    made = new Staging(database, 1)
  }
  return made
}

let file: string | null = null
function written(bytes: Buffer): string {
  if (file === null) {
    const folder = mkdtempSync(join(tmpdir(), 'entrepot-fuzz-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    file = join(folder, 'file')
  }
  writeFileSync(file, bytes)
  return file
}
