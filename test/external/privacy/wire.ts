import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { connect } from 'node:net'

/** One request, as it goes over the wire: nothing in it is checked or made well-formed. */
export interface Sent {
  readonly method: string
  /** The request target, as it is. */
  readonly path: string
  readonly host: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One answer, as it came. */
export interface Seen {
  readonly status: number
  /** Without `Date`. Names as they were written, in their order. */
  readonly head: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export function header(seen: Seen, name: string): string | undefined {
  return seen.head.find(([one]) => one.toLowerCase() === name)?.[1]
}

/** The whole answer as one text: two of them are equal or something leaks. */
export function textOf(seen: Seen): string {
  return [`${seen.status}`, ...seen.head.map(([name, value]) => `${name}: ${value}`), '', seen.body].join('\n')
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** So many requests are under way on one connection. */
const PIPELINED = 32

/**
 * One connection that is kept, and with it one worker; requests are pipelined. What a test client usually mends (targets,
 * methods, headers) stays as it is. A connection that the server closes is opened again for what is not answered yet.
 */
export class Connection implements Disposable {
  readonly #port: number
  #socket: Socket | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(port: number) {
    this.#port = port
  }

  /** Where the server sees this connection come from, while it is open. */
  get localPort(): number | undefined {
    return this.#socket?.localPort
  }

  async ask(sent: Sent): Promise<Seen> {
    const [seen] = await this.askAll([sent])
    assert.ok(seen)
    return seen
  }

  /** In their order, when those asked before are answered. */
  async askAll(requests: readonly Sent[]): Promise<Seen[]> {
    const answers = this.#last.then(() => this.#askAll(requests))
    this.#last = answers.catch(() => {})
    return await answers
  }

  async #askAll(requests: readonly Sent[]): Promise<Seen[]> {
    const seen: Seen[] = []
    for (let idle = 0; seen.length < requests.length; ) {
      const before = seen.length
      const some = requests.slice(before, before + PIPELINED)
      await this.#exchange(some, seen)
      idle = seen.length === before ? idle + 1 : 0
      assert.ok(idle < 3, `no answer to ${JSON.stringify(some[0])}`)
    }
    for (const one of seen) assertNoStaticLeak(one)
    return seen
  }

  async #exchange(requests: readonly Sent[], seen: Seen[]): Promise<void> {
    const socket = await this.#open()
    const reader = new AnswerReader(requests.map(({ method }) => method))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onData = (bytes: Buffer): void => {
      try {
        seen.push(...reader.take(bytes))
      } catch (error) {
        reject(error)
      }
      if (reader.isDone || reader.mustClose) resolve()
    }
    const onClose = (): void => {
      seen.push(...reader.end())
      resolve()
    }
    socket.on('data', onData).once('close', onClose)
    socket.setTimeout(30_000, () => reject(new Error(`no answer in 30 s: ${JSON.stringify(requests[0])}`)))
    socket.write(requests.map(requestText).join(''))
    try {
      await promise
    } finally {
      socket.off('data', onData).off('close', onClose).setTimeout(0)
      if (!reader.isDone || reader.mustClose) this.#drop()
    }
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket
    const socket = connect({ port: this.#port, host: '127.0.0.1' })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('connect', resolve).once('error', reject)
    await promise
    socket.off('error', reject).on('error', () => {}) // 'close' follows
    socket.unref()
    this.#socket = socket
    return socket
  }

  #drop(): void {
    this.#socket?.destroy()
    this.#socket = null
  }

  [Symbol.dispose](): void {
    this.#drop()
  }
}

/** Sends all of them over several connections at once, each of which may meet another worker. Answers in order. */
export async function sweep(connections: readonly Connection[], requests: readonly Sent[]): Promise<Seen[]> {
  const each = Math.ceil(requests.length / connections.length)
  const parts = connections.map((connection, index) =>
    connection.askAll(requests.slice(index * each, (index + 1) * each)),
  )
  return (await Promise.all(parts)).flat()
}

function requestText({ method, path, host, headers = {}, body }: Sent): string {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** Reads answers from a stream of bytes; latin1, so that characters are bytes. */
class AnswerReader {
  readonly #methods: readonly string[]
  #text = ''
  #count = 0
  mustClose = false

  constructor(methods: readonly string[]) {
    this.#methods = methods
  }

  get isDone(): boolean {
    return this.#count === this.#methods.length
  }

  take(bytes: Buffer): Seen[] {
    this.#text += bytes.toString('latin1')
    const complete: Seen[] = []
    for (let one = this.#next(); one !== null; one = this.#next()) complete.push(one)
    return complete
  }

  /** The connection is closed: what has no length ends here. */
  end(): Seen[] {
    if (this.isDone || this.mustClose) return []
    const head = this.#head()
    if (head === null || lengthOf(head) !== null) return []
    return [this.#finish(head, this.#text.slice(head.size), this.#text.length)]
  }

  #next(): Seen | null {
    if (this.isDone || this.mustClose) return null
    const head = this.#head()
    if (head === null) return null
    const hasNoBody = this.#methods[this.#count] === 'HEAD' || head.status === 204 || head.status === 304
    if (hasNoBody) return this.#finish(head, '', head.size)
    if (fieldOf(head, 'transfer-encoding') === 'chunked') {
      const chunked = readChunks(this.#text, head.size)
      return chunked && this.#finish(head, chunked.body, chunked.end)
    }
    const length = lengthOf(head)
    if (length === null || this.#text.length < head.size + length) return null
    return this.#finish(head, this.#text.slice(head.size, head.size + length), head.size + length)
  }

  #head(): Head | null {
    const end = this.#text.indexOf('\r\n\r\n')
    if (end < 0) return null
    const [first = '', ...lines] = this.#text.slice(0, end).split('\r\n')
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? []
    assert.ok(status !== undefined, `no status line: ${first.slice(0, 200)}`)
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    return { status: Number(status), fields, size: end + 4 }
  }

  #finish(head: Head, body: string, end: number): Seen {
    this.#text = this.#text.slice(end)
    this.#count += 1
    if (fieldOf(head, 'connection') === 'close') this.mustClose = true
    const fields = head.fields.filter(([name]) => name.toLowerCase() !== 'date')
    return { status: head.status, head: fields, body: Buffer.from(body, 'latin1').toString() }
  }
}

interface Head {
  readonly status: number
  readonly fields: readonly [string, string][]
  readonly size: number
}

function fieldOf({ fields }: Head, name: string): string | undefined {
  return fields.find(([one]) => one.toLowerCase() === name)?.[1].toLowerCase()
}

function lengthOf(head: Head): number | null {
  const length = fieldOf(head, 'content-length')
  return length === undefined ? null : Number(length)
}

function readChunks(text: string, from: number): { body: string; end: number } | null {
  let body = ''
  for (let at = from; ; ) {
    const line = text.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(text.slice(at, line), 16)
    const end = line + 2 + size + 2
    if (text.length < end) return null
    body += text.slice(line + 2, line + 2 + size)
    if (size === 0) return { body, end }
    at = end
  }
}

const TELLING_HEADERS = /^(server|x-powered-by|via|x-runtime|x-aspnet-version|x-generator)$/i
/** Words of a stack, of the runtime, of its libraries, of the tables; ids and digests are no words. */
const TELLING_TEXT =
  /\bat (?:async )?[\w.<>]+ \(|node:internal|node_modules|\.ts:\d|fastify|FST_ERR|HPE_|ERR_[A-Z]|sqlite|postgres|SELECT |typebox|llhttp/i

const harmless = new Set<string>()

/** No answer of any kind names what it is made with. */
function assertNoStaticLeak(seen: Seen): void {
  const text = textOf(seen)
  if (harmless.has(text)) return
  for (const [name] of seen.head) assert.doesNotMatch(name, TELLING_HEADERS, text)
  if (seen.status >= 400) assert.doesNotMatch(text, TELLING_TEXT)
  assert.notEqual(seen.status, 500, text)
  harmless.add(text)
}
