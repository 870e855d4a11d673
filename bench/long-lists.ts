import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { removeAtExit } from '../test/support/tools.ts'
import { Client, headOf } from './client.ts'
import { Connection } from './connection.ts'
import { fill } from './fill-database.ts'
import { commonBlob, manifestType, pushImage } from './images.ts'
import { thisMachine } from './machine.ts'
import { listsSection } from './report-others.ts'
import type { ListLatency, ListSize, LongLists } from './result-types.ts'
import { keep } from './results.ts'
import { percentile, randomFrom } from './statistics.ts'
import type { Subject } from './subject.ts'
import { startOurs } from './subject.ts'

const usage = `usage: node bench/lists.mjs [options]
Lists, manifests and starts of Entrepot with few and with many repositories and tags, made directly in its database.

  --repositories N  of the many (100000)
  --tags N          in one repository, each with a manifest of its own (1000000)
  --few N           of both (1000)
  --requests N      of each kind (3000)
  --json FILE       writes the results there, not to bench/results/latest.json and docs/performance.md
  --dir DIRECTORY   where the data lies (the temporary directory)
`

type Size = { name: string; repositories: number; tags: number }

export async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      repositories: text,
      tags: text,
      few: text,
      requests: text,
      json: text,
      dir: text,
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  if (values.dir !== undefined) process.env['TMPDIR'] = values.dir
  const few = Number(values.few ?? 1000)
  const sizes: Size[] = [
    { name: 'few', repositories: few, tags: few },
    { name: 'many', repositories: Number(values.repositories ?? 100_000), tags: Number(values.tags ?? 1_000_000) },
  ]
  await using stack = new AsyncDisposableStack()
  const filled: Filled[] = []
  for (const size of sizes) filled.push(stack.use(await startFilled(size)))
  const latencies: ListLatency[] = []
  for (const kind of kinds) latencies.push(await inTurns(kind, filled, Number(values.requests ?? 3000)))
  const machine = await thisMachine()
  const longLists: LongLists = { machine, sizes: filled.map(({ facts }) => facts), latencies }
  process.stdout.write(`${listsSection(longLists)}\n`)
  await keep({ longLists }, values.json)
  return 0
}

type Filled = AsyncDisposable & { subject: Subject; size: Size; facts: ListSize }

const seed = { repository: 'seed', tag: 'v1' }

/** A server with a database of that size, after some starts. */
async function startFilled(size: Size): Promise<Filled> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-lists-'))
  removeAtExit(folder)
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const subject = stack.use(await startOurs({ dataDir: join(folder, 'data') }))
  {
    using client = new Client(subject)
    await pushImage(client, { ...seed, repository: `bench/${seed.repository}` }, commonBlob(4096), 'monolith')
  }
  await subject.server.stop()
  const database = join(folder, 'data', 'entrepot.db')
  const began = performance.now()
  fill(database, seed, size)
  process.stderr.write(`${size.name}: filled in ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  await subject.server.start()
  const startUp: number[] = []
  for (let i = 0; i < 3; i++) startUp.push(await subject.restart())
  const databaseMib = (await stat(database)).size / 2 ** 20
  const facts: ListSize = { ...size, manifests: size.repositories + size.tags + 1, databaseMib, startUp }
  const moved = stack.move()
  return { subject, size, facts, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

type Kind = { what: string; path: (size: Size, random: () => number) => string; headers?: Record<string, string> }

const numbered = (below: number, random: () => number): string => String(Math.floor(random() * below)).padStart(7, '0')

const kinds: readonly Kind[] = [
  { what: 'catalog, n=100, first page', path: () => '/v2/_catalog?n=100' },
  {
    what: 'catalog, n=100, anywhere',
    path: ({ repositories }, random) => `/v2/_catalog?n=100&last=bench/many/${numbered(repositories, random)}`,
  },
  { what: 'tag list, n=100, first page', path: () => '/v2/bench/long/tags/list?n=100' },
  {
    what: 'tag list, n=100, anywhere',
    path: ({ tags }, random) => `/v2/bench/long/tags/list?n=100&last=v${numbered(tags, random)}`,
  },
  {
    what: 'manifest GET by tag, any repository',
    path: ({ repositories }, random) => `/v2/bench/many/${numbered(repositories, random)}/manifests/${seed.tag}`,
    headers: { accept: manifestType },
  },
]

const batch = 100

/** The same kind of request against all servers, a hundred here, a hundred there. */
async function inTurns(
  { what, path, headers }: Kind,
  filled: readonly Filled[],
  requests: number,
): Promise<ListLatency> {
  using stack = new DisposableStack()
  const clients = filled.map(({ subject, size }) => {
    const connection = stack.use(new Connection(subject.port))
    const random = randomFrom(1)
    const next = (): Buffer => headOf('GET', path(size, random), { authorization: subject.authorization, ...headers })
    return { name: size.name, connection, next, latencies: [] as number[] }
  })
  // The first batches only warm up.
  for (let done = -2 * batch; done < requests; done += batch) {
    for (const { connection, next, latencies } of clients) {
      for (let i = 0; i < batch; i++) {
        const request = next()
        const began = performance.now()
        const { status } = await connection.send([request])
        if (status !== 200) throw new Error(`${what}: ${status}`)
        if (done >= 0) latencies.push(performance.now() - began)
      }
    }
  }
  const entries = clients.map(({ name, latencies }) => {
    const sorted = latencies.sort((a, b) => a - b)
    return [name, { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }] as const
  })
  return { what, requests, by: Object.fromEntries(entries) }
}
