import type { IncomingMessage } from 'node:http'

/** The client went away, or broke its own framing, before its body was complete: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** The body is longer than the caller is prepared to hold. What was not read is still in the socket. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  readonly limit: number
  constructor(limit: number) {
    super(`the body is longer than ${limit} bytes`)
    this.limit = limit
  }
}

/** Content-Length, or null when the body is chunked, or 0 when there is none. Source: RFC 9112, 6.3. */
export function bodyLength(req: IncomingMessage): number | null {
  if (req.headers['transfer-encoding'] !== undefined) return null
  const length = req.headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** The whole body, never holding more than `limit` bytes of it. @throws BodyTooLarge, ClientGone */
export function readAtMost(req: IncomingMessage, limit: number): Promise<Buffer> {
  const length = bodyLength(req)
  if (length !== null && length > limit) return Promise.reject(new BodyTooLarge(limit))
  if (length === 0) return Promise.resolve(Buffer.alloc(0))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (error: Error | null) => {
      req.off('data', take).off('end', complete).off('error', lost).off('close', lost)
      if (error === null) resolve(Buffer.concat(chunks, size))
      else reject(error)
    }
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      else {
        req.pause()
        finish(new BodyTooLarge(limit))
      }
    }
    const complete = () => finish(null)
    const lost = (cause?: Error) => finish(new ClientGone('the body ended early', cause ? { cause } : undefined))
    req.on('data', take).on('end', complete).on('error', lost).on('close', lost)
  })
}
