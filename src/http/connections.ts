import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * A client that sends fewer than `minBytes` in `windowMs`, while it is its turn, is disconnected. One that takes fewer in
 * `READER_WINDOWS` of them is too.
 */
export interface Progress {
  readonly minBytes: number
  readonly windowMs: number
}

export type StallReport = (facts: { readonly address: string; readonly side: 'sending' | 'receiving' }) => void

/** What is remembered of one connection between two looks at it. */
interface Connection {
  req: IncomingMessage
  res: ServerResponse
  awaited: IncomingMessage | null
  received: number
  taken: number
  /** For how many windows in a row the client has taken next to nothing of what waits for it. */
  idleWindows: number
}

/**
 * What a client takes shows in steps: the kernel asks for more only when a good part of its send buffer (megabytes) is
 * free. At 50 kB/s that is every half minute.
 */
const READER_WINDOWS = 4

const CONNECTION = Symbol('connection')
type TrackedSocket = Socket & { [CONNECTION]?: Connection }

/**
 * Ends connections whose client neither sends the body it announced nor takes the answer it asked for. One timer looks at
 * all connections; a request costs one assignment. It is the client's turn to send only when everything that arrived was
 * consumed, so a slow disk of ours is never held against it. Headers are node:http's business (`headersTimeout`).
 * Returns the function that stops it.
 */
export function watchProgress(server: Server, progress: Progress, report: StallReport): () => void {
  const sockets = new Set<TrackedSocket>()
  const forget = function (this: TrackedSocket) {
    sockets.delete(this)
  }
  const track = (req: IncomingMessage, res: ServerResponse) => {
    const socket: TrackedSocket = req.socket
    const known = socket[CONNECTION]
    if (known !== undefined) {
      known.req = req
      known.res = res
      return
    }
    socket[CONNECTION] = { req, res, awaited: null, received: 0, taken: 0, idleWindows: 0 }
    sockets.add(socket)
    socket.once('close', forget)
  }
  const timer = setInterval(() => {
    for (const socket of sockets) look(socket, progress.minBytes, report)
  }, progress.windowMs)
  timer.unref()
  server.prependListener('request', track)
  return () => {
    clearInterval(timer)
    server.off('request', track)
  }
}

/** Has part of an answer left on this connection, so that nothing else may be written to it? */
export function isMidAnswer(socket: TrackedSocket): boolean {
  const res = socket[CONNECTION]?.res
  return res?.headersSent === true && !res.writableFinished
}

function look(socket: TrackedSocket, minBytes: number, report: StallReport): void {
  const connection = socket[CONNECTION]
  if (connection === undefined) return
  const { req } = connection
  const awaited = isOurTurnToReceive(req) ? req : null
  const received = socket.bytesRead
  const { taken, waiting } = outgoing(socket)
  const stalledBody = awaited !== null && awaited === connection.awaited && received - connection.received < minBytes
  const idle = waiting && taken - connection.taken < minBytes
  connection.awaited = awaited
  connection.received = received
  connection.taken = taken
  connection.idleWindows = idle ? connection.idleWindows + 1 : 0
  if (!stalledBody && connection.idleWindows < READER_WINDOWS) return
  report({ address: socket.remoteAddress ?? '', side: stalledBody ? 'sending' : 'receiving' })
  socket.destroy()
}

/** All that arrived of the body was consumed, and there is more to come. */
function isOurTurnToReceive(req: IncomingMessage): boolean {
  return !req.complete && !req.destroyed && req.readableLength === 0 && !awaitsContinue(req)
}

const CONTINUE = Symbol('awaits 100-continue')
type AskingRequest = IncomingMessage & { [CONTINUE]?: boolean }

function awaitsContinue(req: AskingRequest): boolean {
  return req[CONTINUE] === true
}

/**
 * Answers `Expect: 100-continue` when somebody starts to read the body, not before: a client whose upload is refused then
 * never sends it. node:http says "continue" at once by default.
 */
export function continueWhenRead(server: Server): void {
  server.on('checkContinue', (req: AskingRequest, res: ServerResponse) => {
    req[CONTINUE] = true
    const read = req._read
    req._read = function (size) {
      if (req[CONTINUE] === true) {
        req[CONTINUE] = false
        if (!res.headersSent) res.writeContinue()
      }
      return read.call(this, size)
    }
    server.emit('request', req, res)
  })
}

interface TcpHandle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
  /** Of a TLS handle: the one it writes to. */
  readonly _parent?: TcpHandle
}

/**
 * What the kernel has taken, and whether more waits. Only the handles know: a socket counts as written what libuv holds,
 * and one write of a megabyte to a slow client is progress, not silence. node:net's own idle timer reads them too.
 */
function outgoing(socket: Socket): { readonly taken: number; readonly waiting: boolean } {
  const handle = (socket as { readonly _handle?: TcpHandle | null })._handle
  if (!handle) return { taken: socket.bytesWritten, waiting: false }
  const { bytesWritten, writeQueueSize } = handle._parent ?? handle
  return { taken: bytesWritten - writeQueueSize, waiting: writeQueueSize > 0 }
}
