import type { Answer } from './connection.ts'
import { Connection } from './connection.ts'
import type { Outcome } from './sample.ts'
import type { Subject } from './subject.ts'

export type Call = {
  /** Sent one after the other as one body. */
  body?: readonly Buffer[]
  headers?: Headers
  /** Any other status is an error. */
  want: number
  /** Keeps the body of the answer; else it is read and dropped. */
  keep?: boolean
}

export type Headers = Record<string, string | number | undefined>

/** The bytes of a request up to its body. */
export function headOf(method: string, path: string, headers: Headers = {}): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return Buffer.from(`${[`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...lines].join('\r\n')}\r\n\r\n`)
}

/** One client of a server: one connection, one request after the other, credentials with each. */
export class Client implements Disposable {
  readonly #connection: Connection
  readonly #authorization: string | undefined

  constructor({ port, authorization }: Subject) {
    this.#connection = new Connection(port)
    this.#authorization = authorization
  }

  async call(method: string, location: string, { body, headers, want, keep }: Call): Promise<Answer> {
    const { pathname, search } = new URL(location, 'http://127.0.0.1')
    const all = { authorization: this.#authorization, ...bodyHeaders(method, body), ...headers }
    const head = headOf(method, pathname + search, all)
    const answer = await this.#connection.send([head, ...(body ?? [])], keep)
    if (answer.status !== want) throw new Error(`${method} ${location}: ${answer.status}`)
    return answer
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }
}

function bodyHeaders(method: string, body: readonly Buffer[] | undefined): Headers {
  if (body !== undefined) {
    const length = body.reduce((sum, part) => sum + part.length, 0)
    return { 'content-length': length, 'content-type': 'application/octet-stream' }
  }
  return ['POST', 'PUT', 'PATCH'].includes(method) ? { 'content-length': 0 } : {}
}

/** Sends requests without a body: every connection takes the next one until there is none. */
export async function sendAll(port: number, connections: number, next: () => Buffer | undefined): Promise<Outcome> {
  using stack = new DisposableStack()
  const outcome: Outcome = { latencies: [], bytes: 0, errors: 0, lastError: undefined }
  const run = async (): Promise<void> => {
    const connection = stack.use(new Connection(port))
    for (let request = next(); request !== undefined; request = next()) {
      const began = performance.now()
      const { status, bytes } = await connection.send([request])
      outcome.bytes += bytes
      if (status === 200) outcome.latencies.push(performance.now() - began)
      else {
        outcome.errors++
        outcome.lastError = `${request.toString('latin1', 0, request.indexOf(' HTTP/'))}: ${status}`
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, run))
  return outcome
}
