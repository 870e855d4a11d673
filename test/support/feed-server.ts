import { createHash } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zip } from './zip-members.ts'

/** A mirror of the publishers of advisories, as real ones answer: ETag, 304, ranges, 404. */
export class FeedServer implements AsyncDisposable {
  /** By path. */
  files: Record<string, Buffer> = {}
  /** Paths that are asked for in vain. */
  readonly never = new Set<string>()
  /** Paths, in the order they were asked for. */
  readonly asked: string[] = []
  /** What is asked for as a range, in order. */
  readonly ranges: string[] = []
  /** Answers that end after so many bytes, and are held until their client is gone. */
  readonly cutAfter = new Map<string, number>()
  #held = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async open(): Promise<FeedServer> {
    const own = new FeedServer()
    await new Promise<void>((resolve) => void own.#server.listen(0, '127.0.0.1', resolve))
    return own
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Somebody waits for the rest of an answer. */
  isHeld(): boolean {
    return this.#held > 0
  }

  #answer({ url: path = '', headers }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(path)
    if (headers.range !== undefined) this.ranges.push(headers.range)
    if (this.never.has(path)) return
    const file = this.files[path]
    if (file === undefined) return void response.writeHead(404).end('no such file')
    const etag = `"${createHash('sha256').update(file).digest('hex').slice(0, 16)}"`
    if (headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end()
    const from = headers['if-range'] === etag ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
    const part = { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` }
    response.writeHead(from > 0 ? 206 : 200, { etag, ...(from > 0 ? part : {}), 'content-length': file.length - from })
    const cut = this.cutAfter.get(path)
    if (cut === undefined) return void response.end(file.subarray(from))
    this.#held += 1
    response.on('close', () => {
      this.#held -= 1
    })
    response.write(file.subarray(from, cut))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** CISA's catalog. */
export function kevOf(cves: readonly string[]): Buffer {
  const vulnerabilities = cves.map((cveID) => ({ cveID, dateAdded: '2026-01-05' }))
  return Buffer.from(
    JSON.stringify({
      title: 'CISA Catalog',
      catalogVersion: '2026.01.05',
      dateReleased: '2026-01-05T00:00:00Z',
      vulnerabilities,
    }),
  )
}

/** Every version of packages p0, p1 … of an ecosystem is vulnerable. */
export function osvZip(ecosystem: string, count: number): Buffer {
  return zip(
    Array.from({ length: count }, (_, n) => {
      const affected = [
        { package: { ecosystem, name: `p${n}` }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }] },
      ]
      const record = { id: `GHSA-${ecosystem}-${n}`, modified: '2026-01-05T00:00:00Z', affected }
      return { name: `${record.id}.json`, content: JSON.stringify(record) }
    }),
  )
}

/** Packages p0, p1 … of a branch of Alpine were fixed in 2-r0. */
export function secdbOf(branch: string, repository: string, count: number): Buffer {
  const packages = Array.from({ length: count }, (_, n) => ({
    pkg: {
      name: `${repository}-p${n}`,
      secfixes: { '2-r0': [`CVE-2026-${String(1000 + n)}${repository === 'main' ? '1' : '2'}`] },
    },
  }))
  return Buffer.from(
    JSON.stringify({
      distroversion: branch,
      reponame: repository,
      urlprefix: 'https://dl-cdn.alpinelinux.org/alpine',
      packages,
    }),
  )
}
