import type { Socket } from 'node:net'
import { connect } from 'node:net'

export type Answer = {
  status: number
  /** Of the body, without the marks of chunks only when it was kept. */
  bytes: number
  /** Empty unless it was to be kept. */
  body: Buffer
  header: (name: string) => string | undefined
}

const endOfHead = Buffer.from('\r\n\r\n')
const endOfChunks = '0\r\n\r\n'
const patience = 120_000

/**
 * A connection that sends one request at a time. It costs a fraction of node:http, whose client needs more processor
 * time for a pull than the servers do: reads go into one buffer, and bodies are counted but not looked at.
 */
export class Connection implements Disposable {
  readonly #port: number
  readonly #buffer = Buffer.allocUnsafe(256 * 1024)
  #socket: Socket | undefined
  #exchange: Exchange | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** `request` is head and body, in as many parts as there are. A server may have closed the connection meanwhile. */
  send(request: readonly Buffer[], keep = false): Promise<Answer> {
    const exchange = new Exchange(request[0]?.toString('latin1', 0, 4) === 'HEAD', keep)
    this.#exchange = exchange
    const socket = this.#socket ?? this.#open()
    socket.cork()
    for (const part of request) socket.write(part)
    socket.uncork()
    return exchange.answer
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const callback = (length: number): boolean => {
      const exchange = this.#exchange
      if (exchange?.read(this.#buffer.subarray(0, length)) === true) this.#exchange = undefined
      return true
    }
    const onread = { buffer: this.#buffer, callback }
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true, onread })
    const fail = (error: Error): void => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#exchange?.fail(error)
      this.#exchange = undefined
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the server closed the connection')))
    socket.setTimeout(patience, () => socket.destroy(new Error(`no byte in ${patience} ms`)))
    this.#socket = socket
    return socket
  }
}

/** One answer as it arrives. */
class Exchange {
  readonly answer: Promise<Answer>
  readonly #isHead: boolean
  readonly #keep: boolean
  readonly #resolve: (answer: Answer) => void
  readonly fail: (error: Error) => void
  /** What came of the head until that is complete. */
  #begun: Buffer = Buffer.alloc(0)
  #head: string | undefined
  /** Bytes of the body; null: it ends with the last chunk. */
  #length: number | null = 0
  #bytes = 0
  #kept: Buffer[] = []
  #tail = ''

  constructor(isHead: boolean, keep: boolean) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.answer = promise
    this.#resolve = resolve
    this.fail = reject
    this.#isHead = isHead
    this.#keep = keep
  }

  /** True when this was the end. */
  read(data: Buffer): boolean {
    const body = this.#head === undefined ? this.#readHead(data) : data
    if (body === undefined) return false
    this.#bytes += body.length
    if (this.#keep) this.#kept.push(Buffer.from(body))
    return this.#isWhole(body) && this.#finish()
  }

  #isWhole(body: Buffer): boolean {
    if (this.#length !== null) return this.#bytes >= this.#length
    this.#tail = (this.#tail + body.subarray(-endOfChunks.length).toString('latin1')).slice(-endOfChunks.length)
    return this.#tail === endOfChunks
  }

  /** What follows the head, once that is complete. */
  #readHead(data: Buffer): Buffer | undefined {
    const all = this.#begun.length === 0 ? data : Buffer.concat([this.#begun, data])
    const end = all.indexOf(endOfHead)
    if (end < 0) {
      this.#begun = Buffer.from(all)
      return undefined
    }
    const head = all.toString('latin1', 0, end)
    this.#head = head
    if (!this.#isHead) {
      const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head)
      this.#length = isChunked ? null : Number(headerOf(head, 'content-length') ?? 0)
    }
    return all.subarray(end + endOfHead.length)
  }

  #finish(): true {
    const head = this.#head ?? ''
    const raw = Buffer.concat(this.#kept)
    const body = this.#length === null && this.#keep ? withoutChunks(raw) : raw
    const bytes = this.#keep ? body.length : this.#bytes
    this.#resolve({ status: Number(head.slice(9, 12)), bytes, body, header: (name) => headerOf(head, name) })
    return true
  }
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]
}

/** Source: RFC 9112, 7.1. */
function withoutChunks(raw: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < raw.length; ) {
    const line = raw.indexOf('\r\n', at)
    const size = Number.parseInt(raw.toString('latin1', at, line), 16)
    if (!(size > 0)) break
    parts.push(raw.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
  return Buffer.concat(parts)
}
