// npm test: node scripts/test.mjs [FILE or DIR...] [--grep PATTERN] [option of node --test...]
// suites:   node scripts/test.mjs --suite DIR... [--counts FILE]
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureInstalled, nodeBinary, ROOT, run } from './ensure.mjs'

const EVERYTHING = [
  'src/**/*.test.ts',
  'test/*.test.ts',
  'test/journeys/**/*.test.ts',
  'test/properties/**/*.test.ts',
  'test/fuzz/*.test.ts',
]
/** A test that hangs is a failed test; nothing in `npm test` needs a tenth of this. Suites set limits of their own. */
const TIMEOUT_MS = 300_000

try {
  process.exitCode = await test(parse(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`test: ${error.message}\n`)
  process.exitCode = 1
}

async function test({ suite, counts, targets, options }) {
  await ensureInstalled()
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-test-'))
  const began = Date.now()
  try {
    const reporter = fileURLToPath(new URL('last-line-reporter.mjs', import.meta.url))
    const summary = join(folder, 'summary')
    const args = [
      '--test',
      ...(suite ? ['--test-concurrency=1'] : ['--test-concurrency=4', `--test-timeout=${TIMEOUT_MS}`]),
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${reporter}`,
      `--test-reporter-destination=${summary}`,
      ...options,
      ...(targets.length > 0 ? targets.map(asGlob) : EVERYTHING),
    ]
    const code = await run(nodeBinary(), args, { cwd: ROOT })
    return report(code, readSummary(summary), {
      suite: counts && targets,
      counts,
      seconds: (Date.now() - began) / 1000,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Prints the true last line after the runner has ended: two reporters on one stdout have no promised order. */
function report(code, { passed, failed, skipped }, { suite, counts, seconds }) {
  const ran = passed + failed + skipped
  if (suite) {
    const name = suite.map((folder) => basename(folder)).join('+')
    appendFileSync(counts, `${name} ${passed} ${failed} ${skipped} ${seconds.toFixed(1)}\n`)
  }
  if (ran === 0) process.stdout.write('no test ran\n')
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  return code === 0 && (ran === 0 || failed > 0) ? 1 : code
}

function readSummary(file) {
  try {
    const [passed = 0, failed = 0, skipped = 0] = (readFileSync(file, 'utf8').match(/\d+/g) ?? []).map(Number)
    return { passed, failed, skipped }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

/** Splits our own options from those of `node --test`, and both from file names. */
function parse(args) {
  const parsed = { suite: false, counts: undefined, targets: [], options: [] }
  const rest = [...args]
  const value = (name) => {
    const next = rest.shift()
    if (next === undefined) throw new Error(`${name} needs a value`)
    return next
  }
  while (rest.length > 0) {
    const arg = rest.shift()
    if (arg === '--suite') parsed.suite = true
    else if (arg === '--counts') parsed.counts = value(arg)
    else if (arg === '--grep' || arg === '--test-name-pattern') parsed.options.push(`--test-name-pattern=${value(arg)}`)
    else if (arg.startsWith('--grep=')) parsed.options.push(`--test-name-pattern=${arg.slice('--grep='.length)}`)
    else if (arg.startsWith('-')) parsed.options.push(arg)
    else parsed.targets.push(arg)
  }
  if (parsed.suite && parsed.targets.length === 0) throw new Error('--suite needs a folder')
  return parsed
}

function asGlob(target) {
  const isFolder = statSync(join(ROOT, target), { throwIfNoEntry: false })?.isDirectory()
  return isFolder ? `${target.replace(/\/+$/, '')}/**/*.test.ts` : target
}
