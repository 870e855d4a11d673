import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { importAdvisories } from '../src/scanner/advisories/import-advisories.ts'
import type { OpenSnapshot } from '../src/scanner/advisories/open-snapshot.ts'
import { openSnapshot } from '../src/scanner/advisories/open-snapshot.ts'
import type { ScanFigure, ScanPart } from './scan-result.ts'

/** What is published must be in before anybody misses it. */
const GOAL_SECONDS = 3

export const part: ScanPart = {
  measure: async ({ advisories }) => {
    const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-import-'))
    try {
      return (await importOnce(advisories, folder, 'the given advisories', GOAL_SECONDS)).figures
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function importOnce(
  from: string,
  folder: string,
  name: string,
  goal?: number,
): Promise<{ readonly figures: ScanFigure[]; readonly path: string }> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  const { snapshot } = await importAdvisories({ paths: [from], base: null, folder, now: Date.now() })
  const wall = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  if (snapshot === null) throw new Error(`nothing could be imported from ${from}`)
  const peak = process.resourceUsage().maxRSS / 1024
  const opening = performance.now()
  using index = openSnapshot(snapshot.path)
  const opened = performance.now() - opening
  const { rows, names, milliseconds } = askAll(index)
  const records = snapshot.info.sources.reduce((sum, one) => sum + one.records, 0)
  const of = `${name}: ${rows.toLocaleString('en-US')} affected rows of ${records.toLocaleString('en-US')} records`
  const figures: ScanFigure[] = [
    { what: 'import', of, value: wall, unit: 's', ...(goal === undefined ? {} : { goal }) },
    { what: 'import, processor time of all threads', of, value: (user + system) / 1e6, unit: 's' },
    { what: 'import, peak of the process', of, value: peak, unit: 'MB' },
    { what: 'opening the snapshot', of, value: opened, unit: 'ms' },
    { what: 'asking for a thousand packages', of, value: (milliseconds * 1000) / names, unit: 'ms' },
  ]
  return { figures, path: snapshot.path }
}

/** As much as all that is published: of two packages in each record. */
const ROWS = 1_000_000

export const largePart: ScanPart = {
  measure: async ({ scale }) => {
    const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-import-'))
    try {
      const made = join(folder, 'made')
      mkdirSync(made)
      const path = join(made, 'all.jsonl')
      await pipeline(madeUp(Math.round((ROWS * scale) / 2)), createWriteStream(path))
      const size = `made up, ${Math.round(statSync(path).size / 1e6)} MB of JSON`
      const { figures, path: snapshot } = await importOnce(made, folder, size)
      const bytes = statSync(snapshot).size / 1e6
      return [...figures, { what: 'size of the snapshot', of: size, value: bytes, unit: 'MB' }]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

const ECOSYSTEMS = [
  'npm',
  'PyPI',
  'Maven',
  'Go',
  'Debian:12',
  'Debian:13',
  'Ubuntu:22.04:LTS',
  'Ubuntu:24.04:LTS',
  'Alpine:v3.20',
  'SUSE:15',
]
const VECTORS = ['N', 'A', 'L', 'P'].flatMap((from) =>
  ['N', 'L', 'H'].map((impact) => `CVSS:3.1/AV:${from}/AC:L/PR:N/UI:N/S:U/C:H/I:${impact}/A:${impact}`),
)

/** Lines of OSV: a name has four records, a text some hundred characters, as the real ones. */
function* madeUp(records: number): Generator<string> {
  for (let n = 0; n < records; n += 1) {
    const affected = [0, 1].map((other) => ({
      package: {
        ecosystem: ECOSYSTEMS[(n + other) % ECOSYSTEMS.length],
        name: `package-${(n * 7919 + other) % (records / 2)}`,
      },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: `${n % 9}.${n % 31}.${n % 7}` }] }],
    }))
    const record = {
      schema_version: '1.7.0',
      id: `MADE-${n}`,
      aliases: [`CVE-2099-${10_000 + n}`],
      published: '2026-01-01T00:00:00Z',
      modified: '2026-01-02T00:00:00Z',
      summary: `Something is wrong with number ${n}`,
      details: `What it is about, in as many words as such texts have, of number ${n}. `.repeat(2 + (n % 23)),
      references: [{ type: 'WEB', url: `https://example.com/MADE-${n}` }],
      severity: [{ type: 'CVSS_V3', score: VECTORS[n % VECTORS.length] }],
      affected,
    }
    yield `${JSON.stringify(record)}\n`
  }
}

/** Each package once, with all that is said of its versions. */
function askAll(index: OpenSnapshot): { rows: number; names: number; milliseconds: number } {
  const pairs = index.packages()
  const began = performance.now()
  let rows = 0
  for (const { ecosystem, name } of pairs) rows += index.affecting(ecosystem, name).length
  return { rows, names: pairs.length, milliseconds: performance.now() - began }
}
