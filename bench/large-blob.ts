import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { parseArgs } from 'node:util'
import { tool } from '../test/support/tools.ts'
import { Client } from './client.ts'
import { config, manifestOf, mib, pushBlob, pushManifest, startUpload, withDigest } from './images.ts'
import { thisMachine } from './machine.ts'
import { cpuSecondsOf, memoryOf } from './measure.ts'
import { largeSection } from './report-others.ts'
import type { LargeBlob, LargeSample } from './result-types.ts'
import { keep } from './results.ts'
import { spreadOf } from './statistics.ts'
import type { Subject } from './subject.ts'
import { startOurs, startPeer } from './subject.ts'

const usage = `usage: node bench/large.mjs [options]
One very large blob streamed up and down, and the memory of the server meanwhile.

  --gb N           gigabytes of 10⁹ bytes (LARGE_BLOB_GB, else 10)
  --peer           distribution too (.ci/tools.sh distribution)
  --json FILE      writes the results there, not to bench/results/latest.json and docs/performance.md
  --dir DIRECTORY  where the data lies (the temporary directory); needs as much space for each server
`

export async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { help: { type: 'boolean' }, gb: text, peer: { type: 'boolean' }, json: text, dir: text },
  })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  if (values.dir !== undefined) process.env['TMPDIR'] = values.dir
  const gigabytes = Number(values.gb ?? process.env['LARGE_BLOB_GB'] ?? 10)
  if (values.peer && tool('distribution') === null) throw new Error('distribution is not installed')
  const size = Math.round(gigabytes * 1e9)
  const digest = digestOf(size)
  const machine = await thisMachine()
  const samples: LargeBlob['samples'] = { distribution: [], entrepot: [] }
  for (const start of values.peer ? [startPeer, startOurs] : [startOurs]) {
    await using subject = await start()
    samples[subject.name] = await upAndDown(subject, { size, digest })
  }
  const largeBlob: LargeBlob = { machine, gigabytes, samples }
  process.stdout.write(`${largeSection(largeBlob)}\n`)
  await keep({ largeBlob }, values.json)
  return 0
}

type Large = { size: number; digest: string }

async function upAndDown(subject: Subject, { size, digest }: Large): Promise<LargeSample[]> {
  const repository = 'bench/large'
  using client = new Client(subject)
  let location = ''
  const samples = [
    await sampled(subject, 'up, streamed (PATCH)', size, async () => {
      const opened = await startUpload(client, repository)
      const sent = await upload(subject, 'PATCH', opened, size)
      if (sent.statusCode !== 202) throw new Error(`PATCH: ${sent.statusCode}`)
      location = sent.headers.location ?? opened
    }),
    await sampled(subject, 'its end (PUT)', size, async () => {
      await client.call('PUT', withDigest(location, digest), { want: 201 })
    }),
  ]
  await pushBlob(client, repository, config, 'monolith')
  await pushManifest(client, { repository, tag: 'v1' }, manifestOf({ parts: [], size, digest }))
  const path = `/v2/${repository}/blobs/${digest}`
  return [...samples, await sampled(subject, 'down', size, () => download(subject, path, size))]
}

/** Samples memory four times a second. */
async function sampled(subject: Subject, what: string, size: number, run: () => Promise<void>): Promise<LargeSample> {
  const look = (): number => memoryOf(subject.pids()).pss
  const before = look()
  const seen: number[] = []
  const timer = setInterval(() => seen.push(look()), 250)
  const cpu = cpuSecondsOf(subject.pids())
  const began = performance.now()
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  const seconds = (performance.now() - began) / 1000
  const cpuPerGb = ((cpuSecondsOf(subject.pids()) - cpu) * 1e9) / size
  const after = look()
  seen.push(after)
  const quarter = Math.ceil(seen.length / 4)
  const [firstQuarter, lastQuarter] = [seen.slice(0, quarter), seen.slice(-quarter)].map(
    (part) => spreadOf(part).median,
  )
  const peak = Math.max(...seen)
  return {
    what,
    seconds,
    perSecond: size / 1e6 / seconds,
    cpuPerGb,
    before,
    peak,
    after,
    firstQuarter: firstQuarter ?? after,
    lastQuarter: lastQuarter ?? after,
  }
}

/** Some megabytes that look random, with the number of the piece in front: cheap, and no two pieces are alike. */
class Pieces {
  readonly #buffers: Buffer[]

  /** So many may be in use at the same time. */
  constructor(count: number) {
    const noise = createHash('shake256', { outputLength: mib }).update('large blob').digest()
    this.#buffers = Array.from({ length: count }, () => Buffer.from(noise))
  }

  at(index: number, length = mib): Buffer {
    const buffer = this.#buffers[index % this.#buffers.length]
    if (buffer === undefined) throw new Error('no buffer')
    buffer.writeDoubleBE(index)
    return buffer.subarray(0, length)
  }
}

function digestOf(size: number): string {
  const hash = createHash('sha256')
  const pieces = new Pieces(1)
  for (let at = 0; at < size; at += mib) hash.update(pieces.at(at / mib, Math.min(mib, size - at)))
  return `sha256:${hash.digest('hex')}`
}

const inFlight = 8

/** Chunked, as docker sends it: without saying how long it is. */
async function upload(subject: Subject, method: string, location: string, size: number): Promise<IncomingMessage> {
  const { pathname, search } = new URL(location, 'http://127.0.0.1')
  const headers = {
    'content-type': 'application/octet-stream',
    ...(subject.authorization === undefined ? {} : { authorization: subject.authorization }),
  }
  const sent = request({
    host: '127.0.0.1',
    port: subject.port,
    method,
    path: pathname + search,
    headers,
    agent: false,
  })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  sent.on('error', reject)
  sent.on('response', (response) => {
    response.resume()
    response.on('end', () => resolve(response))
  })
  const pieces = new Pieces(inFlight)
  const writing: Promise<void>[] = []
  for (let at = 0; at < size; at += mib) {
    // A buffer is written anew only when the kernel has taken what was in it.
    if (writing.length >= inFlight - 1) await Promise.race([writing.shift(), promise])
    const piece = pieces.at(at / mib, Math.min(mib, size - at))
    writing.push(new Promise((done) => sent.write(piece, () => done())))
  }
  sent.end()
  return await promise
}

/** Compares what comes with what was sent. */
async function download(subject: Subject, path: string, size: number): Promise<void> {
  const headers = subject.authorization === undefined ? {} : { authorization: subject.authorization }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const sent = request({ host: '127.0.0.1', port: subject.port, path, headers, agent: false })
  sent.on('error', reject)
  sent.on('response', (response) => {
    const pieces = new Pieces(1)
    let received = 0
    response.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; ) {
        const within = received % mib
        const expected = pieces.at((received - within) / mib).subarray(within, within + chunk.length - at)
        const part = chunk.subarray(at, at + expected.length)
        if (part.compare(expected) !== 0) sent.destroy(new Error(`wrong bytes after ${received}`))
        at += expected.length
        received += expected.length
      }
    })
    response.on('error', reject)
    response.on('end', () => (received === size ? resolve() : reject(new Error(`${received} of ${size} bytes`))))
  })
  sent.end()
  await promise
}
