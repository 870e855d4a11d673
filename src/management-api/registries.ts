import { DomainError } from '../domain/error.ts'
import type { RegistryInput } from '../registries/create-registry.ts'
import type { Actor } from '../registries/deps.ts'
import type { RegistryView } from '../registries/views.ts'
import { actorOf, mustManage } from './caller.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, lowerCaseIds, NO_CONTENT } from './context.ts'
import { PostRegistryInput, RegistriesQuery, RegistriesResponse, RegistryParams, RegistryResponse } from './contract.ts'
import { withQuery } from './links.ts'
import { parseLimit } from './query.ts'
import { registryHref, registryResource } from './resources.ts'

/** Operations 3, 4, 5 and 8 of management-api.md 2. */
export function registryRoutes(context: RouteContext): void {
  allRegistries(context)
  oneRegistry(context)
}

function allRegistries(context: RouteContext): void {
  const { app, registries, naming, baseOf, hidden } = context
  const about = { tags: ['Registries'], hide: hidden }

  app.get(
    '/registries',
    {
      schema: {
        ...about,
        summary: 'List registries',
        querystring: RegistriesQuery,
        response: { 200: RegistriesResponse, ...ERROR_ANSWERS },
      },
    },
    async (request) => {
      const limit = parseLimit(request.query.limit)
      const token = request.query['pagination.token'] || request.query.nextPageToken || null
      const name = request.query['filter.name'] || undefined
      const page = await registries.list(actorOf(request), { limit, token, nameContains: name ?? null })
      return toList({ base: baseOf(request), limit, token, name, next: page.next, page: page.registries, naming })
    },
  )

  app.post(
    '/registries',
    {
      schema: {
        ...about,
        summary: 'Create a registry',
        body: PostRegistryInput,
        response: { 201: RegistryResponse, ...ERROR_ANSWERS },
      },
      config: { conflict: 400 },
      preValidation: mustManage,
    },
    async (request, reply) => {
      const registry = await createCounted(context, actorOf(request), toInput(request.body))
      const base = baseOf(request)
      reply.code(201).header('location', registryHref(base, registry.id))
      return registryResource(naming, base, registry)
    },
  )
}

/** Being told that a name is taken is a name check, however one asks: it counts, and nobody asks for a dictionary. */
async function createCounted(
  { registries, limitNameChecks }: RouteContext,
  actor: Actor,
  input: RegistryInput,
): Promise<RegistryView> {
  const who = `${actor.contractId}/${actor.userId}`
  limitNameChecks.check(who)
  try {
    return await registries.create(actor, input)
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'conflict') limitNameChecks.count(who)
    throw error
  }
}

function oneRegistry({ app, registries, naming, baseOf, hidden }: RouteContext): void {
  const about = { tags: ['Registries'], hide: hidden }

  app.get(
    '/registries/:registryId',
    {
      schema: {
        ...about,
        summary: 'Get a registry',
        params: RegistryParams,
        response: { 200: RegistryResponse, ...ERROR_ANSWERS },
      },
    },
    async (request) =>
      registryResource(
        naming,
        baseOf(request),
        await registries.get(actorOf(request), lowerCaseIds(request.params).registryId),
      ),
  )

  app.delete(
    '/registries/:registryId',
    {
      schema: {
        ...about,
        summary: 'Delete a registry and all it holds',
        params: RegistryParams,
        response: { 204: NO_CONTENT, ...ERROR_ANSWERS },
      },
      preValidation: mustManage,
    },
    async (request, reply) => {
      await registries.delete(actorOf(request), lowerCaseIds(request.params).registryId)
      return reply.code(204).send(undefined)
    },
  )
}

/** What clients send for "not given" (management-api.md 2.6, 9) becomes what it means. */
function toInput({ properties }: PostRegistryInput) {
  return {
    name: properties.name,
    location: properties.location,
    gcSchedule: properties.garbageCollectionSchedule ?? null,
    scanning: properties.features?.vulnerabilityScanning?.enabled ?? true,
    allowList: properties.apiSubnetAllowList ?? [],
  }
}

function toList(of: {
  readonly base: ReturnType<RouteContext['baseOf']>
  readonly naming: RouteContext['naming']
  readonly limit: number
  readonly token: string | null
  readonly name: string | undefined
  readonly next: string | null
  readonly page: Awaited<ReturnType<RouteContext['registries']['list']>>['registries']
}): RegistriesResponse {
  const { base, limit, next } = of
  const link = (token: string | null) =>
    withQuery(`${base.url}/registries`, { 'filter.name': of.name, limit, 'pagination.token': token ?? undefined })
  return {
    id: 'registries',
    type: 'collection',
    href: `${base.url}/registries`,
    items: of.page.map((registry) => registryResource(of.naming, base, registry)),
    pagination: { limit, token: next ?? '' },
    limit,
    nextPageToken: next ?? '',
    _links: { next: next === null ? '' : link(next), previous: '', self: link(of.token) },
  }
}
