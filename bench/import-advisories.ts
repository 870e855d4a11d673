import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importAdvisories } from '../src/scanner/advisories/import-advisories.ts'
import { openSnapshot } from '../src/scanner/advisories/open-snapshot.ts'

export interface ImportFigures {
  readonly affectedRows: number
  readonly records: number
  /** From the first byte read to the snapshot in its place. */
  readonly wallSeconds: number
  /** Of all threads: what it costs on a machine that does other things meanwhile. */
  readonly cpuSeconds: number
  readonly rowsPerSecond: number
  /** Processor time of looking up one package that was not asked for before, with all that is said of it. */
  readonly lookupMicroseconds: number
  readonly peakMegabytes: number
}

/** How long it takes to make a snapshot of all files in `path`, and to ask it. */
export async function measureImport(path: string): Promise<ImportFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-bench-advisories-'))
  try {
    const [cpu, began] = [process.cpuUsage(), performance.now()]
    const { snapshot } = await importAdvisories({ paths: [path], base: null, folder, now: Date.now() })
    const wallSeconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(cpu)
    if (snapshot === null) throw new Error(`nothing could be imported from ${path}`)
    using index = openSnapshot(snapshot.path)
    const pairs = index.packages()
    const asked = process.cpuUsage()
    let affectedRows = 0
    for (const { ecosystem, name } of pairs) affectedRows += index.affecting(ecosystem, name).length
    const looked = process.cpuUsage(asked)
    const lookupMicroseconds = (looked.user + looked.system) / pairs.length
    return {
      affectedRows,
      records: snapshot.info.sources.reduce((sum, { records }) => sum + records, 0),
      wallSeconds,
      cpuSeconds: (user + system) / 1e6,
      rowsPerSecond: affectedRows / wallSeconds,
      lookupMicroseconds,
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const [path] = process.argv.slice(2)
  if (path === undefined) throw new Error('usage: node bench/import-advisories.ts <folder with advisories>')
  process.stdout.write(`${JSON.stringify(await measureImport(path), null, 2)}\n`)
}
