import type { ServerResponse } from 'node:http'

export interface Body {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number | readonly string[]>>
  /** Bytes that `source` will give; what differs from it is never ended cleanly. */
  readonly length: number
  /** A chunk may be reused by the source once the next one is asked for: it has left for the kernel by then. */
  readonly source: AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
}

/**
 * Writes one response whose body comes in pieces, each when the one before has been taken by the client's socket.
 * Resolves to the bytes written; fewer than `length` when the client went away (the source is then closed).
 * An error before the first chunk is thrown with nothing sent, so that the caller can still answer it. An error after it
 * destroys the socket and is thrown: a truncated body must never look like a whole one.
 */
export async function sendBody(res: ServerResponse, body: Body): Promise<number> {
  const source = body.source[Symbol.asyncIterator]()
  const first = await source.next()
  if (res.destroyed) return closeSource(source, 0)
  res.writeHead(body.status, body.headers as Record<string, string | number | string[]>)
  const writer = new Writer(res, body.signal)
  let sent = 0
  try {
    for (let step = first; step.done !== true; step = await source.next()) {
      if (step.value.byteLength === 0) continue
      sent += step.value.byteLength
      if (sent > body.length) throw new Error(`the body's source gave more than ${body.length} bytes`)
      if (!(await writer.write(step.value, sent === body.length))) return await closeSource(source, sent)
    }
    if (sent !== body.length) throw new Error(`the body's source ended at ${sent} of ${body.length} bytes`)
  } catch (error) {
    res.destroy()
    await closeSource(source, sent)
    throw error
  } finally {
    writer.release()
  }
  if (!res.writableEnded) res.end()
  return sent
}

/** A body whose pieces are all at hand: queued at once, taken as fast as the client reads. */
export function sendChunks(
  res: ServerResponse,
  head: Pick<Body, 'status' | 'headers'>,
  chunks: readonly Uint8Array[],
): void {
  res.writeHead(head.status, head.headers as Record<string, string | number | string[]>)
  const last = chunks.length - 1
  for (let i = 0; i < last; i++) res.write(chunks[i])
  res.end(chunks[last])
}

/** One listener for the whole body, whatever the number of chunks. */
class Writer {
  readonly #res: ServerResponse
  readonly #signal: AbortSignal | undefined
  readonly #lost: () => void
  #settle: ((written: boolean) => void) | null = null
  #open = true

  constructor(res: ServerResponse, signal: AbortSignal | undefined) {
    this.#res = res
    this.#signal = signal
    this.#lost = () => this.#end()
    res.once('close', this.#lost)
    signal?.addEventListener('abort', this.#lost, { once: true })
    if (signal?.aborted) this.#end()
  }

  /** True once the kernel has the chunk; false when there is no client any more. */
  write(chunk: Uint8Array, isLast: boolean): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#settle = resolve
      const taken = (error?: Error | null) => {
        this.#settle = null
        resolve(error === null || error === undefined)
      }
      if (isLast) this.#res.end(chunk, taken)
      else this.#res.write(chunk, taken)
    })
  }

  release(): void {
    this.#res.off('close', this.#lost)
    this.#signal?.removeEventListener('abort', this.#lost)
  }

  #end(): void {
    this.#open = false
    if (!this.#res.destroyed) this.#res.destroy()
    this.#settle?.(false)
  }
}

async function closeSource(source: AsyncIterator<Uint8Array>, sent: number): Promise<number> {
  // The source failed or is not wanted any more: what its closing says changes nothing for the client.
  await source.return?.().catch(() => undefined)
  return sent
}
