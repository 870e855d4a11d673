import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { removeAtExit } from '../test/support/tools.ts'
import { Client, headOf } from './client.ts'
import { Connection } from './connection.ts'
import { fill } from './fill-database.ts'
import { commonBlob, pushImage } from './images.ts'
import type { Kind, Place } from './list-kinds.ts'
import { kinds } from './list-kinds.ts'
import { thisMachine } from './machine.ts'
import { listsSection } from './report-others.ts'
import type { ListLatency, ListSize, LongLists } from './result-types.ts'
import { keep } from './results.ts'
import { percentile, randomFrom } from './statistics.ts'
import type { Subject } from './subject.ts'
import { startOurs } from './subject.ts'

const usage = `usage: node bench/lists.mjs [options]
Lists, manifests and starts of Entrepot with few and with many registries, repositories, artifacts and tags, made directly
in its database.

  --registries N    of the many (10000)
  --repositories N  likewise, in one registry (100000)
  --tags N          in one repository, each with a manifest of its own (1000000)
  --few N           of each (1000)
  --requests N      of each kind (3000); of what is only bounded a hundredth
  --only PATTERN    kinds whose description matches
  --json FILE       writes the results there, not to bench/results/latest.json and docs/performance.md
  --dir DIRECTORY   where the data lies (the temporary directory)
`

type Size = { name: string; registries: number; repositories: number; tags: number }

export async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      registries: text,
      repositories: text,
      tags: text,
      few: text,
      requests: text,
      only: text,
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
    { name: 'few', registries: few, repositories: few, tags: few },
    {
      name: 'many',
      registries: Number(values.registries ?? 10_000),
      repositories: Number(values.repositories ?? 100_000),
      tags: Number(values.tags ?? 1_000_000),
    },
  ]
  await using stack = new AsyncDisposableStack()
  const filled: Filled[] = []
  for (const size of sizes) filled.push(stack.use(await startFilled(size)))
  const latencies: ListLatency[] = []
  const only = new RegExp(values.only ?? '')
  for (const kind of kinds.filter(({ what }) => only.test(what)))
    latencies.push(await inTurns(kind, filled, Number(values.requests ?? 3000) / (kind.isOnlyBounded ? 100 : 1)))
  const machine = await thisMachine()
  const longLists: LongLists = { machine, sizes: filled.map(({ facts }) => facts), latencies }
  process.stdout.write(`${listsSection(longLists)}\n`)
  await keep({ longLists }, values.json)
  return 0
}

type Filled = AsyncDisposable & { subject: Subject; size: Size; facts: ListSize; place: Place }

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
  const { email, password } = subject.server.admin
  const place = await placeOf(subject.port, size, `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`)
  const moved = stack.move()
  return { subject, size, facts, place, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

/** What an owner finds first. */
async function placeOf(port: number, size: Size, owner: string): Promise<Place> {
  const ask = async (path: string): Promise<RegistriesPage> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: owner } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    return (await answer.json()) as RegistriesPage
  }
  const [registry] = (await ask('/registries?filter.name=bench')).items
  if (registry === undefined) throw new Error('the registry is gone')
  const pages: string[] = []
  for (let token = ''; ; ) {
    const { pagination } = await ask(`/registries?limit=100&pagination.token=${token}`)
    token = pagination.token
    if (token === '') break
    pages.push(token)
  }
  return { ...size, owner, registryId: registry.id, pages }
}

interface RegistriesPage {
  readonly items: readonly { readonly id: string }[]
  readonly pagination: { readonly token: string }
}

const most = 100

/** The same kind of request against all servers, a hundred here, a hundred there. */
async function inTurns(
  { what, path, as = 'machine', headers, isOnlyBounded = false }: Kind,
  filled: readonly Filled[],
  requests: number,
): Promise<ListLatency> {
  using stack = new DisposableStack()
  const clients = filled.map(({ subject, size, place }): Asking => {
    const connection = stack.use(new Connection(subject.port))
    const random = randomFrom(1)
    const authorization = as === 'owner' ? place.owner : subject.authorization
    const next = (): Buffer => headOf('GET', path(place, random), { authorization, ...headers })
    return { name: size.name, connection, next, latencies: [], refused: 0 }
  })
  const batch = Math.min(most, requests)
  // The first batches only warm up.
  for (let done = isOnlyBounded ? 0 : -2 * batch; done < requests; done += batch) {
    for (const client of clients) {
      const { latencies, refused } = await ask(client, batch, what)
      if (refused > 0 && !isOnlyBounded) throw new Error(`${what}: 400`)
      if (done >= 0) client.latencies.push(...latencies)
      client.refused += refused
    }
  }
  const entries = clients.map(({ name, latencies, refused }) => {
    const sorted = latencies.sort((a, b) => a - b)
    const refusals = refused === 0 ? {} : { refused }
    return [name, { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), ...refusals }] as const
  })
  return { what, requests, isOnlyBounded, by: Object.fromEntries(entries) }
}

type Asking = {
  name: string
  connection: Connection
  next: () => Buffer
  latencies: number[]
  refused: number
}

async function ask({ connection, next }: Asking, times: number, what: string) {
  const latencies: number[] = []
  let refused = 0
  for (let i = 0; i < times; i++) {
    const request = next()
    const began = performance.now()
    const { status } = await connection.send([request])
    if (status === 400) refused += 1
    else if (status !== 200) throw new Error(`${what}: ${status}`)
    latencies.push(performance.now() - began)
  }
  return { latencies, refused }
}
