import { DomainError } from '../domain/error.ts'
import { actorOf } from '../doors/caller.ts'
import type { Cursors } from '../doors/cursors.ts'
import type { RegistryPatch } from '../registries/change-registry.ts'
import type { Actor } from '../registries/deps.ts'
import type { RegistryView } from '../registries/views.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, lowerCaseIds, NO_CONTENT, NOT_FOUND } from './context.ts'
import {
  PatchRegistryInput,
  PostRegistryInput,
  RegistriesQuery,
  RegistriesResponse,
  RegistryParams,
  RegistryResponse,
} from './contract.ts'
import { withQuery } from './links.ts'
import { parseLimit } from './query.ts'
import { registryHref, registryResource } from './resources.ts'

/** Operations 3 to 8 of management-api.md 2. */
export function registryRoutes(context: RouteContext): void {
  allRegistries(context)
  oneRegistry(context)
  changeRegistry(context)
}

function allRegistries(context: RouteContext): void {
  const { app, registries, naming, cursors, baseOf, hidden } = context
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
      config: { access: 'read' },
    },
    async (request) => {
      const limit = parseLimit(request.query.limit)
      const sealed = request.query['pagination.token'] || request.query.nextPageToken || null
      const token = sealed === null ? null : openCursor(cursors, sealed)
      const name = request.query['filter.name'] || undefined
      const page = await registries.list(actorOf(request), { limit, token, nameContains: name ?? null })
      const next = page.next === null ? null : cursors.seal(LIST, page.next)
      return toList({ base: baseOf(request), limit, token: sealed, name, next, page: page.registries, naming })
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
      config: { access: 'manage', conflict: 400 },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const registry = await counted(context, actor, () => registries.create(actor, toInput(request.body)))
      const base = baseOf(request)
      reply.code(201).header('location', registryHref(base, registry.id))
      return registryResource(naming, base, registry)
    },
  )
}

/** Being told that a name is taken is a name check, however one asks: it counts, and nobody asks for a dictionary. */
async function counted(
  { limitNameChecks }: RouteContext,
  actor: Actor,
  create: () => Promise<RegistryView>,
): Promise<RegistryView> {
  const who = `${actor.contractId}/${actor.userId}`
  limitNameChecks.check(who)
  try {
    return await create()
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
        response: { 200: RegistryResponse, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
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
        response: { 204: NO_CONTENT, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'manage' },
    },
    async (request, reply) => {
      await registries.delete(actorOf(request), lowerCaseIds(request.params).registryId)
      return reply.code(204).send(undefined)
    },
  )
}

function changeRegistry(context: RouteContext): void {
  const { app, registries, naming, baseOf, hidden } = context
  const about = { tags: ['Registries'], hide: hidden }

  app.put(
    '/registries/:registryId',
    {
      schema: {
        ...about,
        summary: 'Replace a registry, or create one with an id of your choice',
        params: RegistryParams,
        body: PostRegistryInput,
        response: { 201: RegistryResponse, ...ERROR_ANSWERS },
      },
      config: { access: 'manage', conflict: 400 },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const { registryId } = lowerCaseIds(request.params)
      const registry = await counted(context, actor, () => registries.put(actor, registryId, toInput(request.body)))
      const base = baseOf(request)
      reply.code(201).header('location', registryHref(base, registry.id))
      return registryResource(naming, base, registry)
    },
  )

  app.patch(
    '/registries/:registryId',
    {
      schema: {
        ...about,
        summary: 'Change a registry: exactly the fields given',
        params: RegistryParams,
        body: PatchRegistryInput,
        response: { 200: RegistryResponse, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'manage' },
    },
    async (request) => {
      const { registryId } = lowerCaseIds(request.params)
      const registry = await registries.patch(actorOf(request), registryId, toPatch(request.body))
      return registryResource(naming, baseOf(request), registry)
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

function toPatch(sent: PatchRegistryInput): RegistryPatch {
  return {
    name: sent.name,
    location: sent.location,
    gcSchedule: sent.garbageCollectionSchedule,
    scanning: sent.features?.vulnerabilityScanning?.enabled,
    allowList: sent.apiSubnetAllowList ?? undefined,
  }
}

/** The same one below /containerregistries. */
const LIST = '/registries'

function openCursor(cursors: Cursors, sealed: string): string {
  const position = cursors.open(LIST, sealed)
  if (position !== null) return position
  throw new DomainError(
    'input_invalid',
    `pagination.token "${sealed.slice(0, 80)}" is not one that this service gave: leave it out for the first page`,
  )
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
