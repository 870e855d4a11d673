import type { FastifyInstance } from 'fastify'

/**
 * JSON up to `maxBytes` and nothing else: any other type is 415. An empty body is none, whatever its type: clients send
 * `Content-Type: application/json` with every request.
 */
export function parseOnlyJson(app: FastifyInstance, maxBytes: number): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: maxBytes },
    (request, body, done) => (body === '' ? done(null, undefined) : parseJson(request, body, done)),
  )
}
