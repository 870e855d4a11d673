import { actorOf } from '../doors/caller.ts'
import { RepositoriesQuery, RepositoryParams, RepositoryRead, RepositoryReadList } from './contents-contract.ts'
import { repositoryResource } from './contents-resources.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, NO_CONTENT, NOT_FOUND } from './context.ts'
import { RegistryParams } from './contract.ts'
import { listOf, orderOf, pageOf, severityOf } from './listing.ts'
import { registryHref } from './resources.ts'

/** Operations 15 to 17 of management-api.md 2. */
export function repositoryRoutes(context: RouteContext): void {
  allRepositories(context)
  oneRepository(context)
}

function allRepositories({ app, contents, baseOf, hidden }: RouteContext): void {
  app.get(
    '/registries/:registryId/repositories',
    {
      schema: {
        tags: ['Repositories'],
        hide: hidden,
        summary: 'List the repositories of a registry',
        params: RegistryParams,
        querystring: RepositoriesQuery,
        response: { 200: RepositoryReadList, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { orderBy = '-lastPush', 'filter.name': name, 'filter.vulnerabilitySeverity': asked } = request.query
      const page = pageOf(request.query)
      const { registry, repositories, more } = await contents.listRepositories(
        actorOf(request),
        request.params.registryId.toLowerCase(),
        {
          ...page,
          ...orderOf(orderBy),
          nameContains: name || null,
          severity: severityOf('filter.vulnerabilitySeverity', asked),
        },
      )
      const base = baseOf(request)
      return listOf('repositories', `${registryHref(base, registry.id)}/repositories`, {
        items: repositories.map((repository) => repositoryResource(base, registry, repository)),
        page,
        more,
        query: { 'filter.name': name, 'filter.vulnerabilitySeverity': asked, orderBy },
      })
    },
  )
}

function oneRepository({ app, contents, baseOf, hidden }: RouteContext): void {
  const about = { tags: ['Repositories'], hide: hidden, params: RepositoryParams }

  app.get(
    '/registries/:registryId/repositories/:repositoryName',
    {
      schema: {
        ...about,
        summary: 'Get a repository',
        response: { 200: RepositoryRead, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { registryId, repositoryName } = request.params
      const found = await contents.getRepository(actorOf(request), registryId.toLowerCase(), repositoryName)
      return repositoryResource(baseOf(request), found.registry, found.repository)
    },
  )

  app.delete(
    '/registries/:registryId/repositories/:repositoryName',
    {
      schema: {
        ...about,
        summary: 'Delete a repository and all it holds',
        response: { 204: NO_CONTENT, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'manage' },
    },
    async (request, reply) => {
      const { registryId, repositoryName } = request.params
      await contents.deleteRepository(actorOf(request), registryId.toLowerCase(), repositoryName)
      return reply.code(204).send(undefined)
    },
  )
}
