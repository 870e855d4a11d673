import type { Socket } from 'node:net'
import { connect } from 'node:net'
import type { EntrepotUnderTest } from '../../support/server.ts'

/** A connection on which a test writes what no HTTP library would. */
export class RawConnection implements Disposable {
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  readonly #closed = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk))
    socket.on('error', () => {}) // a reset is an answer too
    socket.once('close', () => this.#closed.resolve())
  }

  static async open({ port }: EntrepotUnderTest): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('connect', resolve)
    socket.once('error', reject)
    await promise
    return new RawConnection(socket)
  }

  /** Resolves when the kernel has it; false when the server has closed. */
  async send(bytes: Uint8Array | string): Promise<boolean> {
    if (this.#socket.destroyed) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#socket.write(bytes, (error) => resolve(!error))
    return await promise
  }

  head(method: string, path: string, headers: Record<string, string | number>): Promise<boolean> {
    const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  }

  chunk(bytes: Uint8Array): Promise<boolean> {
    return this.send(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]))
  }

  /** All that came until the server closed. */
  async received(): Promise<string> {
    await this.#closed.promise
    return this.text
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }

  /** Of the first answer; 0 when none came. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1] ?? 0)
  }

  get closed(): boolean {
    return this.#socket.destroyed
  }

  /** Stops taking what the server sends. */
  pause(): void {
    this.#socket.pause()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
