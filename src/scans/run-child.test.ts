import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readChildCode } from './child-code.ts'
import { endOf, programNamed, spawnAtLowestPriority } from './lowest-priority.ts'
import { boundsBy } from './reading-process.ts'
import { runChild } from './run-child.ts'

const BOUNDS = { cpuSeconds: 120, stallMs: 120_000 }
const spins = 'for (;;);'

const cases = [
  { name: 'one that dies', text: `process.kill(process.pid, 'SIGSEGV')`, why: /ended with/ },
  { name: 'one that fails', text: `throw new Error('no')`, why: /ended with exit code 1/ },
  { name: 'one that sleeps', text: `setInterval(() => {}, 1e6)`, stallMs: 1_500, why: /no further for 1500 ms/ },
  { name: 'one that spins', text: spins, cpuSeconds: 1, why: /more than 1 s of processor time/ },
  { name: 'one that spins where nobody counts', text: spins, stallMs: 1_500, why: /no further for 1500 ms/ },
  { name: 'one that talks nonsense', text: `console.log('hello')`, why: /no answer/ },
  { name: 'one that eats memory', text: `const a = []; for (;;) a.push({ a: [a.length] })`, why: /ended with/ },
]

for (const { name, text, why, ...bounds } of cases) {
  test(`runChild: ${name} is its layer's fault, and over`, () =>
    withProgram(`export async function main() { ${text} }`, async (program) => {
      const options = { ...BOUNDS, ...bounds, code: () => readChildCode(program, []) }
      await assert.rejects(runChild(options, endless(), [], new AbortController().signal), {
        name: 'ChildError',
        message: why,
      })
    }))
}

test('where there is no prlimit, a shell says how much of the processor a process may take', async (t) => {
  const shell = programNamed('sh')
  if (shell === null) return t.skip('there is no shell')
  const command = [...boundsBy({ prlimit: null, shell }, 1), process.execPath, '--eval', spins]
  assert.equal(await endOf(spawnAtLowestPriority(command, { stdio: 'ignore' })), 'signal SIGXCPU')
})

test('runChild: it has no environment, no files, and no network', () =>
  withProgram(
    `import { readFileSync } from 'node:fs'
     import { connect } from 'node:net'
     export async function main(aliases) {
     const refused = []
     try { readFileSync('/etc/hostname') } catch (error) { refused.push(error.code) }
     try { readFileSync(new URL(import.meta.url)) } catch (error) { refused.push(error.code) }
     try { await new Promise((_, fail) => connect(9, '127.0.0.1').on('error', fail)) } catch (error) { refused.push(error.code) }
     process.stdout.write(JSON.stringify({ facts: { refused, environment: Object.keys(process.env) }, unreadLinks: aliases }), () => process.exit(0)) }`,
    async (program) => {
      const answer = await runChild(
        { ...BOUNDS, code: () => readChildCode(program, []) },
        endless(),
        MANY_LINKS,
        new AbortController().signal,
      )
      assert.deepEqual(answer.unreadLinks, MANY_LINKS)
      assert.deepEqual(answer.facts, { refused: Array(3).fill('ERR_ACCESS_DENIED'), environment: [] })
    },
  ))

/** More than an argument of a program may have: a store of pnpm. */
const MANY_LINKS: [string, string[]][] = Array.from({ length: 3_000 }, (_, index) => [
  `store/${index}/package.json`,
  [`node_modules/a-package-with-a-name-${index}/package.json`],
])

async function* endless() {
  for (let times = 0; times < 1_000; times += 1) yield Buffer.alloc(65_536)
}

async function withProgram(text: string, act: (program: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-child-'))
  try {
    const program = join(directory, 'program.mjs')
    await writeFile(program, text)
    await act(program)
  } finally {
    await rm(directory, { recursive: true })
  }
}
