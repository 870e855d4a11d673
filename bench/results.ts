import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareSection } from './report-comparison.ts'
import { largeSection, listsSection } from './report-others.ts'
import type { Comparison, LargeBlob, LongLists } from './result-types.ts'

/** The latest result of each of the three programs. */
export type Results = { comparison?: Comparison; largeBlob?: LargeBlob; longLists?: LongLists }

const latest = fileURLToPath(new URL('results/latest.json', import.meta.url))
const document = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))

/** Writes one program's result to `file`, or among the latest ones and into the document. */
export async function keep(result: Results, file: string | undefined): Promise<void> {
  if (file !== undefined) {
    await save(file, result)
    return
  }
  const known = existsSync(latest) ? (JSON.parse(await readFile(latest, 'utf8')) as Results) : {}
  const all = { ...known, ...result }
  await mkdir(dirname(latest), { recursive: true })
  await save(latest, all)
  await writeDocument(all)
  process.stdout.write(`written: ${relative(root, latest)} and ${relative(root, document)}\n`)
}

async function save(file: string, results: Results): Promise<void> {
  // Six digits are more than any of these numbers is good for.
  const shorter = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
  await writeFile(file, `${JSON.stringify(results, shorter, 1)}\n`)
}

const figures = { begin: '<!-- figures: written by bench/ -->', end: '<!-- end of figures -->' }
const lists = { begin: '<!-- lists: written by bench/lists.mjs -->', end: '<!-- end of lists -->' }

async function writeDocument(results: Results): Promise<void> {
  const text = await readFile(document, 'utf8')
  const compared = [
    results.comparison === undefined ? '' : compareSection(results.comparison),
    results.largeBlob === undefined ? '' : largeSection(results.largeBlob),
  ]
  const listed = results.longLists === undefined ? '' : listsSection(results.longLists)
  const figured = between(text, figures, compared.filter((section) => section !== '').join('\n'))
  await writeFile(document, between(figured, lists, listed))
}

/** Replaces one section of the document, between markers that bear its name. */
export async function writeBetween(name: string, section: string): Promise<void> {
  const marks = { begin: `<!-- ${name}: written by bench/ -->`, end: `<!-- end of ${name} -->` }
  await writeFile(document, between(await readFile(document, 'utf8'), marks, section))
}

function between(text: string, { begin, end }: { begin: string; end: string }, section: string): string {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${relative(root, document)} has lost its markers`)
  return `${text.slice(0, from)}${begin}\n\n${section}\n${text.slice(to)}`
}
