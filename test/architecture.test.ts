import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { init, parse } from 'es-module-lexer'

/**
 * Which rooms each room may import; `type x` means only with `import type`. A word added here is an architecture
 * decision: say why in the commit.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: [],
  telemetry: [],
  config: [],
  http: ['type telemetry'],
  encryption: ['domain'],
  blobs: ['domain'],
  metadata: ['domain'],
  jobs: ['domain', 'metadata', 'telemetry'],
  keys: ['domain', 'encryption', 'metadata'],
  audit: ['domain', 'metadata'],
  registry: ['domain', 'blobs', 'encryption', 'metadata'],
  auth: ['domain', 'metadata', 'encryption'],
  accounts: ['domain', 'metadata'],
  sso: ['domain', 'metadata', 'encryption', 'type http'],
  registries: ['domain', 'metadata', 'encryption'],
  contents: ['domain', 'metadata'],
  gc: ['domain', 'blobs', 'metadata'],
  check: ['domain', 'blobs', 'metadata', 'encryption'],
  backup: ['domain', 'blobs', 'metadata', 'encryption'],
  usage: ['domain', 'metadata'],
  scanner: ['domain'],
  scans: ['domain', 'metadata', 'scanner'],
  'distribution-api': ['domain', 'http', 'auth', 'registry', 'telemetry'],
  doors: ['domain', 'http', 'auth', 'registries'],
  'management-api': [
    'domain',
    'http',
    'doors',
    'auth',
    'registries',
    'contents',
    'accounts',
    'registry',
    'scans',
    'telemetry',
  ],
  'api-v1': [
    'domain',
    'http',
    'doors',
    'auth',
    'accounts',
    'audit',
    'jobs',
    'registries',
    'scans',
    'sso',
    'usage',
    'telemetry',
  ],
  operations: ['domain', 'http', 'telemetry'],
  cli: ['*'],
}

/** What other rooms may see of these: the interface and the queries, not the way it is done. */
const FRONT: Record<string, RegExp> = {
  metadata: /^metadata\/(metadata-store\.ts|sql\.ts|violations\.ts|tables\/.+)$/,
  blobs: /^blobs\/(blob-store|snapshot-store)\.ts$/,
}

/** Named only by the top-level files (compose.ts) and by tests. */
const ADAPTER = /^(blobs\/(fs|s3|memory)|metadata\/(sqlite|postgres))\.ts$/

/**
 * Each heavy dependency lives in one file: replacing it is a one-file change. SQLite has two uses that know nothing of each
 * other: as the database of the installation, and as the file format of what the world knows (snapshots of advisories).
 */
const HOME_OF: readonly (readonly [RegExp, ...string[]])[] = [
  [/^@(aws-sdk|smithy)\//, 'blobs/s3.ts'],
  [/^node:sqlite$/, 'metadata/sqlite.ts', 'scanner/advisories/sqlite-file.ts'],
  [/^pg(\/|-|$)/, 'metadata/postgres.ts'],
  [/^jose(\/|$)/, 'auth/bearer-tokens.ts'],
  [/^openid-client(\/|$)/, 'sso/provider.ts'],
  [/^prom-client(\/|$)/, 'telemetry/metrics.ts', 'telemetry/process-metrics.ts'],
  [/^pino(\/|-|$)/, 'telemetry/log.ts'],
]

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')
const FLOOR_PLAN = join(ROOT, 'docs', 'architecture.md')

interface Import {
  readonly specifier: string | undefined
  readonly typeOnly: boolean
}

before(() => init())

for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${room}/ imports only ${allowed.join(', ') || 'itself'}`, () => {
    assert.deepEqual(sourcesIn(`${room}/**/*.ts`).flatMap(breachesIn), [])
  })
}

test('top-level files name no dependency that lives elsewhere', () => {
  assert.deepEqual(sourcesIn('*.ts').flatMap(breachesIn), [])
})

test('every folder of src/ has a line in the law', () => {
  const rooms = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const lawless = rooms.map(({ name }) => name).filter((name) => !(name in MAY_IMPORT))
  assert.deepEqual(lawless, [])
})

test('no folder lies deeper than two levels below src/', () => {
  assert.deepEqual(globSync('*/*/*/**/*.ts', { cwd: SRC }), [])
})

const noFloorPlan = existsSync(FLOOR_PLAN) ? false : 'docs/architecture.md is not written yet'
test('the folders on the floor plan exist', { skip: noFloorPlan }, () => {
  const folders = foldersOn(readFileSync(FLOOR_PLAN, 'utf8'))
  assert.ok(folders.length > 0, 'docs/architecture.md starts with a floor plan in a code block')
  const missing = folders.filter((folder) => !existsSync(join(ROOT, folder)))
  assert.deepEqual(missing, [])
})

const lawCases = [
  { name: 'a neighbour', file: 'gc/gc.ts', text: `import { a } from '../blobs/blob-store.ts'`, legal: true },
  { name: 'its own room', file: 'http/a.ts', text: `import { b } from './b.ts'`, legal: true },
  { name: 'a table', file: 'gc/gc.ts', text: `import { a } from '../metadata/tables/tags.ts'`, legal: true },
  { name: 'an adapter in compose.ts', file: 'compose.ts', text: `import { a } from './blobs/fs.ts'`, legal: true },
  { name: 'words in a string', file: 'domain/a.ts', text: `const a = "from '../gc/gc.ts'"`, legal: true },
  {
    name: 'a type of telemetry in http',
    file: 'http/a.ts',
    text: `import type { L } from '../telemetry/log.ts'`,
    legal: true,
  },
  { name: 'more than a type of telemetry in http', file: 'http/a.ts', text: `import { l } from '../telemetry/log.ts'` },
  { name: 'a stranger', file: 'gc/gc.ts', text: `import { a } from '../auth/auth.ts'` },
  { name: 'a type of a stranger', file: 'gc/gc.ts', text: `import type { A } from '../auth/auth.ts'` },
  { name: 'an inline type of a stranger', file: 'gc/gc.ts', text: `import { type A } from '../auth/auth.ts'` },
  { name: 'a bare import', file: 'gc/gc.ts', text: `import '../auth/auth.ts'` },
  { name: 'a dynamic import', file: 'gc/gc.ts', text: `const a = await import('../auth/auth.ts')` },
  { name: 'an import in a type', file: 'gc/gc.ts', text: `type A = import('../auth/auth.ts').Auth` },
  { name: 'a re-export', file: 'gc/gc.ts', text: `export * from '../auth/auth.ts'` },
  { name: 'a re-export of a type', file: 'gc/gc.ts', text: `export type { A } from '../auth/auth.ts'` },
  { name: 'an import over several lines', file: 'gc/gc.ts', text: `import {\n  a,\n} from\n  "../auth/auth.ts"` },
  { name: 'a computed import', file: 'gc/gc.ts', text: `const a = (b: string) => import(b)` },
  { name: 'an import with a pattern', file: 'gc/gc.ts', text: `const a = (b: string) => import(\`../auth/\${b}.ts\`)` },
  { name: 'a top-level file', file: 'gc/gc.ts', text: `import { a } from '../compose.ts'` },
  { name: 'a file outside src/', file: 'compose.ts', text: `import { a } from '../test/support/a.ts'` },
  { name: 'an adapter', file: 'gc/gc.ts', text: `import { a } from '../metadata/sqlite.ts'` },
  { name: 'an adapter in its own room', file: 'blobs/s3.ts', text: `import { a } from './fs.ts'` },
  { name: 'an adapter in the cli', file: 'cli/gc.ts', text: `import { a } from '../blobs/memory.ts'` },
  { name: 'the inside of metadata', file: 'gc/gc.ts', text: `import { a } from '../metadata/migrations/list.ts'` },
  { name: 'the suite of blobs', file: 'gc/gc.ts', text: `import { a } from '../blobs/contract.ts'` },
  { name: 'a package in domain', file: 'domain/a.ts', text: `import { a } from 'node:fs'` },
  {
    name: 'a heavy dependency in its home',
    file: 'metadata/sqlite.ts',
    text: `import { a } from 'node:sqlite'`,
    legal: true,
  },
  { name: 'a heavy dependency elsewhere', file: 'metadata/sql.ts', text: `import { a } from 'node:sqlite'` },
  { name: 'a heavy dependency in compose.ts', file: 'compose.ts', text: `import pg from 'pg'` },
  { name: 'a heavy dependency, required', file: 'gc/gc.ts', text: `const a = require('@aws-sdk/client-s3')` },
  { name: 'a heavy built-in, fetched', file: 'gc/gc.ts', text: `const a = process.getBuiltinModule('node:sqlite')` },
]

for (const { name, file, text, legal = false } of lawCases) {
  test(`the law ${legal ? 'allows' : 'forbids'} ${name}`, () => {
    const breaches = breachesOf(file, text)
    assert.equal(breaches.length === 0, legal, breaches.join('\n') || `${text} went unnoticed`)
  })
}

test('foldersOn: reads a tree by its indentation', () => {
  const plan =
    '# A\n```\nsrc/\n  main.ts   entry\n  blobs/    bytes\n    sub/\n  gc/\ndocs/  text\n```\n```\nother/\n```\n'
  assert.deepEqual(foldersOn(plan), ['src', 'src/blobs', 'src/blobs/sub', 'src/gc', 'docs'])
})

/** Paths below src/ with forward slashes; tests may import what they need. */
function sourcesIn(pattern: string): string[] {
  return globSync(pattern, { cwd: SRC, exclude: ['**/*.test.ts'] }).map((file) => file.replaceAll('\\', '/'))
}

function breachesIn(file: string): string[] {
  return breachesOf(file, readFileSync(join(SRC, file), 'utf8'))
}

function breachesOf(file: string, text: string): string[] {
  return importsOf(text).flatMap((found) => breachOf(file, found) ?? [])
}

function breachOf(file: string, { specifier, typeOnly }: Import): string | null {
  if (specifier === undefined || specifier.includes('*')) return `${file} has an import() that nobody can check`
  const [room = ''] = file.includes('/') ? file.split('/') : ['']
  if (!specifier.startsWith('.')) return packageBreach(file, room, specifier)
  const target = posix.join(dirname(file), specifier)
  if (target.startsWith('..')) return `${file} imports ${target}, outside src/`
  if (room === '') return null
  if (ADAPTER.test(target)) return `${file} names the adapter ${target}; take the interface instead`
  const [owner = ''] = target.split('/')
  const allowed = MAY_IMPORT[room] ?? []
  if (owner === room || allowed.includes('*')) return null
  if (!(allowed.includes(owner) || (typeOnly && allowed.includes(`type ${owner}`)))) return `${file} imports ${target}`
  if (FRONT[owner]?.test(target) === false) return `${file} imports ${target}, which is not for other rooms`
  return null
}

function packageBreach(file: string, room: string, specifier: string): string | null {
  // Hashes are arithmetic; everything else of node: is I/O, a clock or a stream.
  if (room === 'domain' && specifier !== 'node:crypto') return `${file} imports ${specifier}; domain knows nobody`
  const [, ...homes] = HOME_OF.find(([name]) => name.test(specifier)) ?? [/^/, file]
  return homes.includes(file) ? null : `${file} imports ${specifier}, which lives in ${homes.join(' and ')}`
}

/**
 * Every import, type-only ones too. The lexer reads TypeScript, but passes over `import('…')` in a type and does not
 * know `require` and `getBuiltinModule`: those are looked for by their text.
 */
function importsOf(text: string): Import[] {
  const [lexed] = parse(text)
  const found = lexed
    .filter(({ type }) => type !== 'import-meta')
    .map((one) => ({ specifier: one.specifier ?? undefined, typeOnly: one.type !== 'dynamic' && one.typeOnly }))
  const called = text.matchAll(/\b(?:import|require|getBuiltinModule)\s*\(\s*['"]([^'"]+)['"]/g)
  return [...found, ...Array.from(called, ([, specifier]) => ({ specifier, typeOnly: false }))]
}

/** Folders of the first code block, a tree whose levels are its indentation. */
function foldersOn(document: string): string[] {
  const [, plan = ''] = document.split(/^```.*$/m)
  const open: { indent: number; path: string }[] = []
  const folders: string[] = []
  for (const [, blanks = '', name = ''] of plan.matchAll(/^( *)([\w./-]+)\/(?=\s|$)/gm)) {
    while ((open.at(-1)?.indent ?? -1) >= blanks.length) open.pop()
    const path = posix.join(open.at(-1)?.path ?? '', name)
    open.push({ indent: blanks.length, path })
    folders.push(path)
  }
  return folders
}
