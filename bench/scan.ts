import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { thisMachine } from './machine.ts'
import { describeMachine, figure, table } from './report-comparison.ts'
import { writeBetween } from './results.ts'
import { SCAN_PARTS } from './scan-parts.ts'
import type { ScanFigure, ScanOptions, ScanResults } from './scan-result.ts'

const usage = `usage: node bench/scan.mjs [PART...] [options]
The scanner. Each part runs in a process of its own; without names, all of them.

${Object.entries(SCAN_PARTS)
  .map(([name, { what }]) => `  ${name.padEnd(16)}${what}`)
  .join('\n')}

  --advisories DIR  what is imported (../shared/data/advisories)
  --postgres        PostgreSQL beside SQLite: started for it, from PATH (.ci/tools.sh --print-env)
  --scale N         of all counts (1): less, to see that it runs
  --json FILE       writes the results there, not to bench/results/scan.json and docs/performance.md
`
/** A part that needs more has something wrong with it. */
const HEAP_MIB = 1500

const latest = fileURLToPath(new URL('results/scan.json', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))

export async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const options = {
    help: { type: 'boolean' },
    advisories: text,
    postgres: { type: 'boolean' },
    scale: text,
    json: text,
  } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const names = positionals.length > 0 ? positionals : Object.keys(SCAN_PARTS)
  const unknown = names.filter((name) => !Object.hasOwn(SCAN_PARTS, name))
  if (values.help || unknown.length > 0) {
    process.stdout.write(`${unknown.map((name) => `there is no part "${name}"\n`).join('')}${usage}`)
    return unknown.length
  }
  const chosen: ScanOptions = {
    advisories: values.advisories ?? fileURLToPath(new URL('../../shared/data/advisories', import.meta.url)),
    postgres: values.postgres ?? false,
    scale: Number(values.scale ?? 1),
  }
  const results: ScanResults = {}
  for (const name of names) {
    const figures = inItsOwnProcess(name, chosen)
    results[name] = { machine: await thisMachine(), figures }
    process.stdout.write(`${partSection(name, figures)}\n`)
  }
  await keep(results, values.json)
  return 0
}

function inItsOwnProcess(name: string, options: ScanOptions): ScanFigure[] {
  const program = fileURLToPath(import.meta.url)
  const args = [`--max-old-space-size=${HEAP_MIB}`, program, name, JSON.stringify(options)]
  const answer = execFileSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
  return JSON.parse(answer) as ScanFigure[]
}

async function keep(results: ScanResults, file: string | undefined): Promise<void> {
  if (file !== undefined) {
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
    return
  }
  const known = existsSync(latest) ? (JSON.parse(readFileSync(latest, 'utf8')) as ScanResults) : {}
  const all = { ...known, ...results }
  writeFileSync(latest, `${JSON.stringify(all, null, 1)}\n`)
  await writeBetween('scanning', sectionsOf(all))
  process.stdout.write(`written: ${relative(root, latest)} and docs/performance.md\n`)
}

/** In the order of the parts. */
function sectionsOf(results: ScanResults): string {
  const parts = Object.keys(SCAN_PARTS).flatMap((name) => {
    const result = results[name]
    return result ? [`${describeMachine(result.machine)}.\n\n${partSection(name, result.figures)}`] : []
  })
  return parts.join('\n')
}

function partSection(name: string, figures: readonly ScanFigure[]): string {
  const rows = figures.map(({ what, of, value, unit, goal }) => [
    what,
    of,
    `${figure(value)} ${unit}`,
    goal === undefined ? '' : `≤ ${goal} ${unit}`,
    goal === undefined ? '' : value <= goal ? 'met' : 'missed',
  ])
  return `### Scanning: ${name}\n\n${table(['', 'of', '', 'goal', ''], rows)}\n`
}

if (import.meta.main) {
  const [name = '', options = '{}'] = process.argv.slice(2)
  const part = await SCAN_PARTS[name]?.load()
  process.stdout.write(JSON.stringify((await part?.measure(JSON.parse(options) as ScanOptions)) ?? []))
}
