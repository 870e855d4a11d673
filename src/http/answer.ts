import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyLength } from './read-body.ts'

export type AnswerHeaders = Record<string, string | number | string[]>

/** One whole answer. A HEAD gets the same headers and no body. */
export function answer(res: ServerResponse, status: number, headers: AnswerHeaders, body?: string | Uint8Array): void {
  res.writeHead(status, headers)
  if (body === undefined) res.end()
  else if (typeof body === 'string') res.end(body)
  else if (body.byteLength > MAX_JOINED_BYTES) res.end(body)
  else res.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'latin1')
}

/** node:http joins a text with its headers into one write, bytes never: up to this size that saves a tenth of the time. */
const MAX_JOINED_BYTES = 8 * 1024

/** After unread bodies up to this size the connection goes on. */
const MAX_DRAINED_BYTES = 8 * 1024 * 1024
/** How long, and how much, a client may still send until it has read its answer. */
const LINGER_MS = 3_000
const LINGER_BYTES = 32 * 1024 * 1024

/**
 * An answer to a request whose body nobody will read. Node would receive all of it, however long, to keep the connection;
 * and closing at once resets it, so that a client which is still sending sees "broken pipe" instead of its answer. So:
 * the answer goes out at once and the body is read and thrown away for a moment before the exchange ends; with large bodies
 * the answer says `Connection: close` too. (Ended first, Node closes a connection whose body somebody had begun to read.)
 */
export function answerUnread(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: AnswerHeaders,
  body: string,
): void {
  if (req.complete) {
    answer(res, status, headers, body)
    return
  }
  const length = bodyLength(req)
  const isSmall = length !== null && length <= MAX_DRAINED_BYTES
  res.writeHead(status, isSmall ? headers : { ...headers, connection: 'close' })
  if (req.method === 'HEAD') res.flushHeaders()
  else res.write(body)
  linger(req, res)
}

function linger(req: IncomingMessage, res: ServerResponse): void {
  let left = LINGER_BYTES
  const done = () => {
    clearTimeout(timer)
    req.off('data', discard).off('end', done).off('close', done)
    res.end()
  }
  const discard = (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) done()
  }
  const timer = setTimeout(done, LINGER_MS)
  req.on('data', discard).on('end', done).on('close', done).resume()
}
