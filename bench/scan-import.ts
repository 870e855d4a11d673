import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
      const [figures] = await importOnce(advisories, folder, 'the given advisories', GOAL_SECONDS)
      return figures
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function importOnce(
  from: string,
  folder: string,
  name: string,
  goal: number,
): Promise<[figures: ScanFigure[], path: string]> {
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
    { what: 'import', of, value: wall, unit: 's', goal },
    { what: 'import, processor time of all threads', of, value: (user + system) / 1e6, unit: 's' },
    { what: 'import, peak of the process', of, value: peak, unit: 'MB' },
    { what: 'opening the snapshot', of, value: opened, unit: 'ms' },
    { what: 'asking for a thousand packages', of, value: (milliseconds * 1000) / names, unit: 'ms' },
  ]
  return [figures, snapshot.path]
}

/** Each package once, with all that is said of its versions. */
function askAll(index: OpenSnapshot): { rows: number; names: number; milliseconds: number } {
  const pairs = index.packages()
  const began = performance.now()
  let rows = 0
  for (const { ecosystem, name } of pairs) rows += index.affecting(ecosystem, name).length
  return { rows, names: pairs.length, milliseconds: performance.now() - began }
}
