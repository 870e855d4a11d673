import type { FastifyInstance } from 'fastify'

/**
 * On close: no new connections, idle ones are closed as they become idle (a keep-alive connection whose request ends
 * during the close would otherwise hold it for over a minute), what still runs at the deadline is cut off.
 */
export function closeGracefully(app: FastifyInstance, deadlineMs: number): void {
  app.addHook('preClose', (done) => {
    const sweep = setInterval(() => app.server.closeIdleConnections(), 50).unref()
    const deadline = setTimeout(() => app.server.closeAllConnections(), deadlineMs).unref()
    app.server.once('close', () => {
      clearInterval(sweep)
      clearTimeout(deadline)
    })
    done()
  })
}
