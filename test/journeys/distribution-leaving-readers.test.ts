import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { basic, CI, distributionUnderTest } from '../support/distribution-server.ts'
import { openTestRegistry, place, pushBlob } from '../support/registry.ts'
import { selfSigned } from '../support/self-signed.ts'

const MIB = 1024 * 1024
/** Larger than what is kept in memory when it is read again. */
const SIZES = [4.1, 4.4, 4.9, 5.5].map((size) => Math.round(size * MIB))
const READERS = 8
const ROUNDS = 4

// Decrypted segments lie in buffers that are used again: a byte of somebody else's would be the worst a registry can do.
for (const scheme of ['http', 'https'] as const) {
  test(`${scheme}: readers who stop, ask for two at once and leave in the middle get bytes of their own blobs only`, async () => {
    await using opened = await openTestRegistry()
    const blobs = await Promise.all(SIZES.map(async (size, index) => await push(opened.registry, size, index)))
    const tls = scheme === 'http' ? null : { certificate: certificate(), files: NEVER_READ }
    const { app } = await distributionUnderTest({ registry: opened.registry, server: { tls } })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const to = { host: '127.0.0.1', port }
    const dial = () => (tls === null ? connect(to) : connectTls({ ...to, rejectUnauthorized: false }))
    try {
      let whole = 0
      const reader = async (seed: number): Promise<void> => {
        const random = numbers(seed)
        for (let round = 0; round < ROUNDS; round += 1) {
          const asked = Array.from({ length: 1 + random(2) }, () => blobs[random(blobs.length)] as Blob)
          const total = asked.reduce((bytes, { bytes: { length } }) => bytes + length, 0)
          const leaveAt = random(3) === 0 ? total : random(total)
          const got = await read(dial(), asked, leaveAt, random)
          if (got === total) whole += 1
        }
      }
      await Promise.all(Array.from({ length: READERS }, (_, seed) => reader(seed + 1)))
      assert.ok(whole >= READERS, `${whole} were read to the end`)
    } finally {
      await app.close()
    }
  })
}

interface Blob {
  readonly digest: string
  readonly bytes: Buffer
}

const NEVER_READ = { certFile: '', keyFile: '', pollMs: 2 ** 30 }

/** No two blobs have four kilobytes in common. */
async function push(
  registry: Awaited<ReturnType<typeof openTestRegistry>>['registry'],
  size: number,
  index: number,
): Promise<Blob> {
  const lines = Array.from({ length: Math.ceil(size / 32) }, (_, line) =>
    createHash('sha256').update(`${index}.${line}`).digest(),
  )
  const bytes = Buffer.concat(lines).subarray(0, size)
  return { digest: await pushBlob(registry, place('app'), bytes), bytes }
}

function certificate(): { readonly cert: Buffer; readonly key: Buffer; readonly version: string } {
  const { cert, key } = selfSigned('cr.test')
  return { cert: Buffer.from(cert), key: Buffer.from(key), version: '1' }
}

/** Reads what was asked for on one connection, now and then pausing, and goes away after `leaveAt` bytes of bodies. */
async function read(
  socket: Socket,
  asked: readonly Blob[],
  leaveAt: number,
  random: (below: number) => number,
): Promise<number> {
  const answers = new Answers(asked)
  socket.write(asked.map(requestFor).join(''))
  for await (const chunk of socket) {
    answers.take(chunk)
    if (answers.bytes >= leaveAt) break
    for (let turns = random(6) === 0 ? random(30) : 0; turns > 0; turns -= 1) await turn()
  }
  socket.destroy()
  if (!socket.closed) await once(socket, 'close')
  return answers.bytes
}

function requestFor({ digest }: Blob): string {
  return `GET /v2/acme/app/blobs/${digest} HTTP/1.1\r\nhost: cr.test\r\nauthorization: ${basic(CI)}\r\n\r\n`
}

/** Compares every byte as it comes. */
class Answers {
  /** Of bodies. */
  bytes = 0
  readonly #due: Blob[]
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes of the body that is coming; null before its head is complete. */
  #at: number | null = null

  constructor(asked: readonly Blob[]) {
    this.#due = [...asked]
  }

  take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (let blob = this.#due[0]; blob && this.#takeHead() && this.#takeBody(blob); blob = this.#due[0]);
  }

  /** @returns whether a body comes now. */
  #takeHead(): boolean {
    if (this.#at !== null) return true
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return false
    assert.match(this.#rest.subarray(0, end).toString('latin1'), /^HTTP\/1\.1 200 /)
    this.#rest = this.#rest.subarray(end + 4)
    this.#at = 0
    return true
  }

  /** @returns whether it is whole. */
  #takeBody({ digest, bytes }: Blob): boolean {
    const at = this.#at ?? 0
    const part = this.#rest.subarray(0, bytes.length - at)
    assert.ok(bytes.subarray(at, at + part.length).equals(part), `other bytes in ${digest} from ${at}`)
    this.bytes += part.length
    this.#rest = this.#rest.subarray(part.length)
    this.#at = at + part.length
    if (this.#at < bytes.length) return false
    this.#due.shift()
    this.#at = null
    return true
  }
}

/** The same numbers for the same seed. Source: Marsaglia, Xorshift RNGs (2003). */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2654435761
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
