import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/** A request as it passed. `requestBytes` is what the client really sent as a body. */
export interface Passed {
  method: string
  path: string
  status: number
  requestBytes: number
}

export interface CountingProxy extends AsyncDisposable {
  /** 127.0.0.1:port, plain HTTP. */
  host: string
  passed: Passed[]
}

/** Stands between a client and the plain HTTP server at `upstream`, leaves everything as it is, and counts. */
export async function countingProxy(upstream: string): Promise<CountingProxy> {
  const passed: Passed[] = []
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const seen: Passed = { method: request.method ?? '', path: request.url ?? '', status: 0, requestBytes: 0 }
    passed.push(seen)
    request.on('data', (chunk: Buffer) => {
      seen.requestBytes += chunk.length
    })
    const { method, url, headers } = request
    const forward = http.request(`http://${upstream}${url}`, { agent, method, headers }, (answer) => {
      seen.status = answer.statusCode ?? 0
      response.writeHead(seen.status, answer.statusMessage, answer.rawHeaders)
      pipeline(answer, response, () => {})
    })
    forward.on('error', () => response.destroy())
    pipeline(request, forward, () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    async [Symbol.asyncDispose]() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
