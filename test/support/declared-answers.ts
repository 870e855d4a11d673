import assert from 'node:assert/strict'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/**
 * Compares every answer with the schema that its route declares for that status, as a client reading the OpenAPI document
 * would. @returns what throws, once per breach, for the test to call after each answer.
 */
export function checkDeclaredAnswers(app: FastifyInstance): () => void {
  const breaches: string[] = []
  const compiled = new Map<unknown, ReturnType<typeof Compile>>()
  const check = (schema: TSchema, value: unknown): string[] => {
    const known = compiled.get(schema) ?? Compile(schema)
    compiled.set(schema, known)
    return known.Check(value)
      ? []
      : known.Errors(value).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
  app.addHook('onSend', async (request, reply, payload) => {
    const declared = request.routeOptions.schema?.response as Record<string, TSchema> | undefined
    if (declared === undefined) return payload
    const schema = declared[reply.statusCode] ?? declared[`${String(reply.statusCode)[0]}xx`]
    if (schema === undefined) breaches.push(`${where(request)} answers ${reply.statusCode}, which it does not declare`)
    else if (typeof payload === 'string' && request.method !== 'HEAD')
      breaches.push(
        ...check(schema, JSON.parse(payload)).map((breach) => `${where(request)} ${reply.statusCode}: ${breach}`),
      )
    return payload
  })
  return () => assert.deepEqual(breaches.splice(0), [])
}

function where({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url}`
}
