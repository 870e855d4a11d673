import { actorOf } from '../doors/caller.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, ERRORS_WITHOUT_BODY, NO_CONTENT } from './context.ts'
import { LocationsResponse, NameParams } from './contract.ts'

/** Operations 1 and 2 of management-api.md 2. */
export function nameRoutes({ app, registries, baseOf, limitNameChecks, hidden }: RouteContext): void {
  app.get(
    '/locations',
    {
      schema: {
        tags: ['Locations'],
        hide: hidden,
        summary: 'List the locations a registry can be created in',
        response: { 200: LocationsResponse, ...ERROR_ANSWERS },
      },
      config: { access: 'read' },
    },
    async (request): Promise<LocationsResponse> => ({
      id: 'locations',
      type: 'collection',
      href: `${baseOf(request).url}/locations`,
      items: registries.locations.map((id) => ({ id })),
    }),
  )

  app.head(
    '/names/:name',
    {
      config: { access: 'read', swagger: { exposeHeadRoute: true } },
      schema: {
        tags: ['Names'],
        hide: hidden,
        summary: 'Is a registry name in use? 200 yes, 404 no, 400 it is not a valid name',
        params: NameParams,
        response: { 200: NO_CONTENT, 400: NO_CONTENT, 404: NO_CONTENT, ...ERRORS_WITHOUT_BODY },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const who = `${actor.contractId}/${actor.userId}`
      limitNameChecks.check(who)
      limitNameChecks.count(who)
      const answer = await registries.checkName(actor, request.params.name)
      return reply.code(answer === 'taken' ? 200 : 404).send(undefined)
    },
  )
}
