import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { ANALYZERS } from '../../../src/scanner/analyzers/list.ts'
import type { Inventory } from '../../../src/scanner/facts.ts'
import { LAYER_LIMITS } from '../../../src/scanner/layers/limits.ts'
import { mergeLayers } from '../../../src/scanner/layers/merge-layers.ts'
import { readLayer } from '../../../src/scanner/layers/read-layer.ts'
import { must, run, skipWithout } from '../../support/tools.ts'

/** Real installations, made here, against what the ecosystems' own tools print of them. Each as a layer that `tar` makes. */

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'entrepot-langs-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

async function scanned(path: string): Promise<Inventory> {
  const tar = spawn('tar', ['-C', path, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const read = await readLayer({ bytes: tar.stdout, analyzers: ANALYZERS, limits: LAYER_LIMITS, now: () => 0 })
  const inventory = mergeLayers([{ digest: 'layer', facts: read.facts }])
  assert.deepEqual(inventory.problems, [])
  return inventory
}

const full = ({ namespace, name, version }: { namespace: string | null; name: string; version: string }): string =>
  `${namespace === null ? '' : `${namespace}/`}${name} ${version}`

/** Kept between runs, since registries are asked for nothing that is there: packages by name and version never change. */
const CACHE = process.env['ENTREPOT_TOOLS'] ?? join(homedir(), '.cache', 'entrepot-tools')

interface NpmNode {
  readonly name?: string
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, NpmNode>>
}

/** Each of `npm ls`'s tree once: it shows one package below each that needs it. */
function* npmTree(node: NpmNode): Generator<string> {
  for (const [name, one] of Object.entries(node.dependencies ?? {})) {
    if (one.version !== undefined) yield `${one.name ?? name} ${one.version}`
    yield* npmTree(one)
  }
}

const PROJECT = {
  name: 'app',
  version: '1.0.0',
  workspaces: ['parts/*'],
  dependencies: {
    '@app/part': '1.5.0',
    beside: 'file:./beside',
    '@babel/runtime': '7.0.0',
    express: '4.16.0',
    mkdirp: '0.5.1',
    old: 'npm:lodash@4.17.4',
    rimraf: '3.0.0',
  },
  devDependencies: { semver: '5.0.1' },
}

test('npm ci: what npm ls prints; of the lock file alone the same without what is for development', {
  skip: skipWithout('npm', 'tar'),
}, async (t) => {
  const path = await folder(t)
  await writeFile(join(path, 'package.json'), JSON.stringify(PROJECT))
  for (const [place, name] of [
    ['parts/one', '@app/part'],
    ['beside', 'beside'],
    ['not-linked', 'not-linked'],
  ] as const) {
    await mkdir(join(path, place), { recursive: true })
    await writeFile(join(path, place, 'package.json'), JSON.stringify({ name, version: '1.5.0' }))
  }
  const npm = (...words: string[]) =>
    must('npm', [...words, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: path })
  await npm('install', '--package-lock-only')
  const ls = async (...words: string[]) =>
    [...new Set(npmTree(JSON.parse(await npm('ls', '--all', '--json', '--long', ...words))))].sort()
  const lockOnly = await scanned(path)
  assert.deepEqual(unique(lockOnly), await ls('--package-lock-only', '--omit=dev'))
  await npm('ci', '--ignore-scripts')
  const installed = await scanned(path)
  const want = await ls()
  assert.deepEqual(unique(installed), want)
  assert.ok(want.length > 50 && want.includes('lodash 4.17.4') && want.includes('semver 5.0.1'))
})

function unique({ packages }: Inventory): string[] {
  return [...new Set(packages.map(full))].sort()
}

/** The last two bring others with them, with their metadata, which no tool lists. */
const PROJECTS = ['Jinja2==2.10', 'requests==2.19.1', 'python-dateutil==2.8.0', 'pip==23.0.1', 'setuptools==80.9.0']

test('pip install: what pip list prints', { skip: skipWithout('python3', 'tar') }, async (t) => {
  const path = await folder(t)
  const pip = (...words: string[]) => must('python3', ['-m', 'pip', '--disable-pip-version-check', ...words])
  await pip('install', '--quiet', '--no-compile', '--only-binary', ':all:', '--target', path, ...PROJECTS)
  const list: { name: string; version: string }[] = JSON.parse(await pip('list', '--format', 'json', '--path', path))
  const { packages } = await scanned(path)
  assert.deepEqual(packages.map(full).sort(), list.map(({ name, version }) => `${name} ${version}`).sort())
  assert.ok(packages.length >= 8)
})

/** Pointers (1.16), inline strings, many modules, replaced ones; of Linux, Windows and macOS. */
const PROGRAMS = [
  'esbuild-linux-64@0.12.0',
  'lefthook-linux-x64@1.4.0',
  '@esbuild/linux-x64@0.17.19',
  '@esbuild/win32-x64@0.17.19',
  '@esbuild/darwin-arm64@0.17.19',
  '@bufbuild/buf-linux-x64@1.28.0',
]

async function program(spec: string, target: string): Promise<void> {
  const kept = join(CACHE, 'npm-programs', spec.replaceAll('/', '+'))
  const isThere = await readdir(join(kept, 'package')).catch(() => null)
  if (!isThere) {
    const aside = await mkdtemp(join(tmpdir(), 'entrepot-npm-'))
    const name = (await must('npm', ['pack', '--silent', '--pack-destination', aside, spec])).trim()
    await mkdir(kept, { recursive: true })
    await must('tar', ['-xzf', join(aside, name), '-C', kept])
    await rm(aside, { recursive: true })
  }
  await cp(join(kept, 'package'), target, { recursive: true })
}

test('Go programs: what go version -m prints', { skip: skipWithout('npm', 'go', 'tar') }, async (t) => {
  const path = await folder(t)
  for (const [index, spec] of PROGRAMS.entries()) await program(spec, join(path, String(index)))
  const { packages } = await scanned(path)
  const { stdout } = await run('go', ['version', '-m', path], { cwd: path })
  const want: string[] = []
  for (const line of stdout.split('\n')) {
    const [, version] = /^\S[^\t]*: (go\S+)$/.exec(line) ?? []
    if (version !== undefined) want.push(`stdlib ${version}`)
    const [, kind = '', module = '', of = ''] = line.split('\t')
    if (kind === '=>') want.pop()
    if (['mod', 'dep', '=>'].includes(kind) && of !== '(devel)') want.push(`${module} ${of}`)
  }
  const found = packages.filter(({ type }) => type === 'golang').map(full)
  assert.deepEqual(found.sort(), want.sort())
  assert.ok(found.length > 100)
})

test('jars of Maven Central: their coordinates', { skip: skipWithout('mvn', 'tar') }, async (t) => {
  const jars = ['commons-io:commons-io:2.4', 'org.apache.logging.log4j:log4j-core:2.14.1']
  const repository = join(CACHE, 'maven')
  const get = (jar: string, ...words: string[]) =>
    run(
      'mvn',
      ['-q', ...words, `-Dmaven.repo.local=${repository}`, 'dependency:get', `-Dartifact=${jar}`, '-Dtransitive=false'],
      { timeout: 60_000 },
    )
  const path = await folder(t)
  for (const jar of jars) {
    const [group = '', name = '', version = ''] = jar.split(':')
    const file = join(repository, group.replaceAll('.', '/'), name, version, `${name}-${version}.jar`)
    if (
      await cp(file, join(path, `${name}.jar`)).then(
        () => false,
        () => true,
      )
    ) {
      if ((await get(jar)).code !== 0) return t.skip('Maven Central does not answer')
      await cp(file, join(path, `${name}.jar`))
    }
  }
  const { packages } = await scanned(path)
  assert.deepEqual(packages.map(({ namespace, name, version }) => `${namespace}:${name}:${version}`).sort(), jars)
})

/** Beyond what one worker may hold: the second is larger than what is held of one file. */
test('many large programs and archives are read in 256 MB', { skip: skipWithout('npm', 'tar') }, async (t) => {
  const path = await folder(t)
  const files = join(path, 'files')
  await program('@bufbuild/buf-linux-x64@1.28.0', files)
  await cp(process.execPath, join(files, 'node'))
  await cp(process.execPath, join(files, 'node.jar'))
  for (const name of ['a.jar', 'b', 'c']) await cp(join(files, 'bin/buf'), join(files, name))
  await must('tar', ['-C', files, '-cf', join(path, 'layer.tar'), '.'])
  const script = `
    const { createReadStream } = await import('node:fs')
    const from = (name) => import(new URL('src/scanner/' + name, ${JSON.stringify(new URL('../../../', import.meta.url).href)}))
    const { readLayer } = await from('layers/read-layer.ts')
    const { ANALYZERS } = await from('analyzers/list.ts')
    const { LAYER_LIMITS } = await from('layers/limits.ts')
    const { facts } = await readLayer({ bytes: createReadStream('layer.tar'), analyzers: ANALYZERS, limits: LAYER_LIMITS, now: () => 0 })
    console.log(facts.files.flatMap(({ packages }) => packages).length, process.resourceUsage().maxRSS)`
  const printed = await must(process.execPath, ['--input-type=module', '-e', script], { cwd: path })
  const [packages = 0, kilobytes = 0] = printed.trim().split(' ').map(Number)
  t.diagnostic(`${packages} packages, ${Math.round(kilobytes / 1024)} MB`)
  assert.ok(packages > 100)
  assert.ok(kilobytes < 256 * 1024, `${kilobytes} KB`)
})
