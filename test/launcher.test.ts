import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Prints its arguments, then does what the first one says. */
const MAIN = `
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export async function main(args: string[]): Promise<number | undefined> {
  const signal = new Promise((resolve) => { for (const one of SIGNALS) process.once(one, () => resolve(one)) })
  console.log(JSON.stringify({ args, major: Number.parseInt(process.versions.node) }))
  if (args[0] === 'fail') return Number(args[1])
  if (args[0] === 'die') process.kill(process.pid, 'SIGKILL')
  if (args[0] !== 'serve') return undefined
  const alive = setInterval(() => {}, 1000)
  console.log(await signal)
  clearInterval(alive)
  return 7
}
`
/** Notes when it starts and ends, and the environment; takes a moment, like the real one. */
const NPM = `#!/bin/sh
echo start >> npm.log; env > npm.env; sleep 0.2; [ -e npm.broken ] && exit 3; [ -e npm.slow ] && exec sleep 30
rm -rf node_modules; mkdir node_modules; echo end >> npm.log
`
const ROOT = fileURLToPath(new URL('..', import.meta.url))
const oldNode = findOldNode()
const needsOldNode = oldNode ? false : 'every Node on this machine is a Node 26'
const needsShell = process.platform === 'win32' ? 'the stand-in for npm is a shell script' : false

interface Run {
  readonly child: ChildProcess
  /** Resolves to the first line of stdout. */
  readonly firstLine: Promise<string>
  /** Resolves to what was left when it had ended: exit code, whole stdout and stderr. */
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>
}

for (const { name, node, skip } of [
  { name: 'Node 26', node: process.execPath, skip: false },
  { name: 'an older Node', node: oldNode ?? '', skip: needsOldNode },
]) {
  test(`${name}: arguments arrive at main, on Node 26`, { skip }, async (t) => {
    const { code, out } = await launch(node, house(t), ['x', '--y', 'a b']).ended
    const { args, major } = JSON.parse(out)
    assert.deepEqual(args, ['x', '--y', 'a b'])
    assert.ok(major >= 26)
    assert.equal(code, 0)
  })

  test(`${name}: the exit code is main's`, { skip }, async (t) => {
    assert.equal((await launch(node, house(t), ['fail', '3']).ended).code, 3)
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${name}: ${signal} reaches the server, whose exit code is mirrored`, { skip }, async (t) => {
      const server = launch(node, house(t), ['serve'])
      await server.firstLine
      server.child.kill(signal)
      const { code, out } = await server.ended
      assert.equal(out.trim().split('\n').at(-1), signal)
      assert.equal(code, 7)
    })
  }

  test(`${name}: a built package runs dist/main.js`, { skip }, async (t) => {
    const root = house(t)
    rmSync(join(root, 'src'), { recursive: true })
    mkdirSync(join(root, 'dist'))
    writeFileSync(join(root, 'dist/main.js'), 'export const main = async () => 5')
    assert.equal((await launch(node, root, []).ended).code, 5)
  })
}

test('an older Node: a killed server gives 128 + 9', { skip: needsOldNode }, async (t) => {
  assert.equal((await launch(oldNode ?? '', house(t), ['die']).ended).code, 137)
})

test('an older Node: kill -9 leaves no orphan', { skip: needsOldNode }, async (t) => {
  const server = launch(oldNode ?? '', house(t), ['serve'])
  await server.firstLine
  server.child.kill('SIGKILL')
  // `ended` waits for the end of stdout, and the server holds that until it has ended itself
  assert.match((await server.ended).out, /SIGTERM/)
})

test('an older Node without a Node 26: says so and fails', { skip: needsOldNode }, async (t) => {
  const root = house(t)
  rmSync(join(root, 'node_modules'), { recursive: true })
  const { code, err } = await launch(oldNode ?? '', root, []).ended
  assert.equal(code, 1)
  assert.match(err, /^entrepot: .*Node 26 or newer/)
})

test('install: three starts at once install once, and start', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  const runs = await Promise.all([1, 2, 3].map(() => launch(process.execPath, root, ['fail', '4']).ended))
  assert.deepEqual(
    runs.map(({ code }) => code),
    [4, 4, 4],
  )
  assert.equal(npmLog(root), 'start end')
  assert.ok(!existsSync(join(root, '.install-lock')))
})

test('install: again after the lockfile changed', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  await launch(process.execPath, root, []).ended
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{"node_modules/new":{"version":"1.0.0"}}}')
  await launch(process.execPath, root, []).ended
  assert.equal(npmLog(root), 'start end start end')
})

test('install: accepts what a plain npm ci left behind', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  cpSync(join(root, 'package-lock.json'), join(root, 'node_modules/.package-lock.json'))
  assert.equal((await launch(process.execPath, root, ['fail', '4']).ended).code, 4)
  assert.equal(npmLog(root), '')
})

test('install: npm sees a clean environment', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  const polluted = {
    NODE_ENV: 'production',
    npm_config_omit: 'dev',
    npm_lifecycle_event: 'start',
    npm_package_name: 'entrepot',
    npm_config_color: 'false',
    PATH: [join(root, 'node_modules/.bin'), join(root, 'tools'), process.env['PATH']].join(delimiter),
  }
  await launch(process.execPath, root, [], polluted).ended
  const environment = readFileSync(join(root, 'npm.env'), 'utf8')
  assert.doesNotMatch(environment, /^(NODE_ENV=|npm_config_omit=|npm_lifecycle_|npm_package_)|^PATH=.*node_modules/m)
  assert.match(environment, /^npm_config_color=false$/m)
})

test('install: a failed one is reported, leaves no lock, and is tried again', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  writeFileSync(join(root, 'npm.broken'), '')
  const { code, err } = await launch(process.execPath, root, []).ended
  assert.equal(code, 1)
  assert.match(err, /npm ci failed \(exit code 3\)/)
  rmSync(join(root, 'npm.broken'))
  assert.equal((await launch(process.execPath, root, ['fail', '4']).ended).code, 4)
})

test('install: a lock whose processes are dead is no lock', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  const dead = await deadPid(t)
  writeFileSync(join(root, '.install-lock'), `${dead} ${dead}`)
  assert.equal((await launch(process.execPath, root, ['fail', '4']).ended).code, 4)
})

test('install: after kill -9 the next one waits for the npm that still runs', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  const first = launch(process.execPath, root, [])
  await npmStarted(root)
  first.child.kill('SIGKILL')
  assert.equal((await launch(process.execPath, root, ['fail', '4']).ended).code, 4)
  assert.equal(npmLog(root), 'start end start end')
})

test('install: SIGTERM stops npm too and leaves no lock', { skip: needsShell }, async (t) => {
  const root = notInstalled(t)
  writeFileSync(join(root, 'npm.slow'), '')
  const started = launch(process.execPath, root, [])
  await npmStarted(root)
  started.child.kill('SIGTERM')
  assert.equal((await started.ended).code, 143)
  assert.ok(!existsSync(join(root, '.install-lock')))
})

test('npm start replaces the shell, so that signals meant for npm reach the server', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  assert.equal(scripts.start, 'exec node bin/entrepot serve')
})

test('the lockfile names no registry host', () => {
  assert.doesNotMatch(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'), /"resolved":/)
})

/** A copy of the launcher with its own main.ts and this Node as the installed one. */
function house(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'entrepot-launcher-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const file of ['bin/entrepot', 'scripts/ensure.mjs']) cpSync(join(ROOT, file), join(root, file))
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  mkdirSync(join(root, 'src'))
  writeFileSync(join(root, 'src/main.ts'), MAIN)
  const [os, file] = process.platform === 'win32' ? ['win', 'node.exe'] : [process.platform, 'node']
  const bin = join(root, `node_modules/node-${os}-${process.arch}/bin`)
  mkdirSync(bin, { recursive: true })
  symlinkSync(process.execPath, join(bin, file))
  return root
}

/** A house with a lockfile that is not installed, and a stand-in for npm. */
function notInstalled(t: TestContext): string {
  const root = house(t)
  rmSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{"":{},"node_modules/a":{"version":"1.0.0"}}}')
  mkdirSync(join(root, 'tools'))
  writeFileSync(join(root, 'tools/npm'), NPM)
  chmodSync(join(root, 'tools/npm'), 0o755)
  return root
}

function launch(node: string, root: string, args: string[], extra: NodeJS.ProcessEnv = {}): Run {
  // NODE_TEST_CONTEXT would make a started Node believe that it is a test file
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const env = { ...inherited, PATH: [join(root, 'tools'), process.env['PATH']].join(delimiter), ...extra }
  const child = spawn(node, [join(root, 'bin/entrepot'), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text
  })
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')))
    })
  })
  const ended = new Promise<Awaited<Run['ended']>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, out, err }))
  })
  return { child, firstLine, ended }
}

async function deadPid(t: TestContext): Promise<number | undefined> {
  const { child, ended } = launch(process.execPath, house(t), [])
  await ended
  return child.pid
}

function npmLog(root: string): string {
  const file = join(root, 'npm.log')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().replaceAll('\n', ' ') : ''
}

async function npmStarted(root: string): Promise<void> {
  while (npmLog(root) === '') await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The first Node below 26 (and from 20) on the path, outside node_modules. */
function findOldNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return folders
    .map((folder) => join(folder, 'node'))
    .find((file) => {
      if (!existsSync(file)) return false
      const major = Number.parseInt(execFileSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10)
      return major >= 20 && major < 26
    })
}
