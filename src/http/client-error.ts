import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { isMidAnswer } from './connections.ts'
import type { Log } from './log.ts'
import { PROBLEM_TYPE, problem } from './problem.ts'

/**
 * What node:http calls when bytes on a socket are no request: bad request lines, headers beyond the limit, an unknown
 * method. A closed, a half-open or an already answering socket gets nothing more written to it.
 */
export function clientErrorHandler(log: Log): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    const [status, detail] = refusalOf(error)
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') {
      log.debug({ code: error.code, address: socket.remoteAddress }, 'unreadable request')
    }
    if (socket.writable && error.code !== 'ECONNRESET' && !isMidAnswer(socket)) {
      const body = problem(status, detail)
      socket.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
          `Connection: close\r\n\r\n${body}`,
      )
      return
    }
    socket.destroy(error)
  }
}

function refusalOf(error: NodeJS.ErrnoException): [status: number, detail: string] {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'the request line and headers together are longer than this server reads']
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'the chunk extensions of the body are longer than this server reads']
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request line and headers did not arrive in time']
    case 'HPE_INVALID_METHOD':
      return [400, 'the request line does not start with a method this server knows']
    default:
      return [400, 'this is not a readable HTTP/1.1 request (for https, ask the https address)']
  }
}
