import type { FastifyInstance } from 'fastify'
import { documentation } from './api-v1/openapi.ts'
import { apiV1 } from './api-v1/routes.ts'
import type { ClientOf } from './http/client.ts'
import type { Log } from './http/log.ts'
import { managementApi } from './management-api/routes.ts'
import type { Rooms } from './rooms.ts'

/** The doors of docs/control-plane.md: the product's management API, twice, our own, and the documentation of both. */
export async function registerManagement(
  server: FastifyInstance,
  rooms: Rooms,
  { clientOf, log }: { readonly clientOf: ClientOf; readonly log: Log },
): Promise<void> {
  documentation(server)
  const deps = { ...rooms, clientOf, log }
  const management = managementApi(deps)
  for (const prefix of ['', '/containerregistries']) await server.register(management, { prefix })
  await server.register(apiV1(deps), { prefix: '/api/v1' })
}
