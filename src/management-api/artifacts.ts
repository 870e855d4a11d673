import { actorOf } from '../doors/caller.ts'
import {
  ArtifactParams,
  ArtifactRead,
  ArtifactReadList,
  ArtifactsQuery,
  RegistryArtifactsQuery,
  RegistryArtifactsReadList,
  RepositoryParams,
} from './contents-contract.ts'
import { artifactResource, repositoryHref } from './contents-resources.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, NOT_FOUND } from './context.ts'
import { RegistryParams } from './contract.ts'
import { listOf, orderOf, pageOf } from './listing.ts'
import { registryHref } from './resources.ts'

/** Operations 18 to 20 of management-api.md 2. */
export function artifactRoutes(context: RouteContext): void {
  artifactsOfRegistry(context)
  artifactsOfRepository(context)
  oneArtifact(context)
}

function artifactsOfRegistry({ app, contents, baseOf, hidden }: RouteContext): void {
  app.get(
    '/registries/:registryId/artifacts',
    {
      schema: {
        tags: ['Artifacts'],
        hide: hidden,
        summary: 'List the artifacts of a registry',
        params: RegistryParams,
        querystring: RegistryArtifactsQuery,
        response: { 200: RegistryArtifactsReadList, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { orderBy = '-pullCount', 'filter.vulnerabilityId': vulnerabilityId } = request.query
      const page = pageOf(request.query)
      const { registry, artifacts, more } = await contents.listArtifactsOfRegistry(
        actorOf(request),
        request.params.registryId.toLowerCase(),
        { ...page, ...orderOf(orderBy), vulnerabilityId: vulnerabilityId || null },
      )
      const base = baseOf(request)
      return listOf('artifacts', `${registryHref(base, registry.id)}/artifacts`, {
        items: artifacts.map((artifact) => artifactResource(base, registry, artifact)),
        page,
        more,
        query: { 'filter.vulnerabilityId': vulnerabilityId, orderBy },
      })
    },
  )
}

function artifactsOfRepository({ app, contents, baseOf, hidden }: RouteContext): void {
  app.get(
    '/registries/:registryId/repositories/:repositoryName/artifacts',
    {
      schema: {
        tags: ['Artifacts'],
        hide: hidden,
        summary: 'List the artifacts of a repository',
        params: RepositoryParams,
        querystring: ArtifactsQuery,
        response: { 200: ArtifactReadList, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { orderBy = '-lastPush' } = request.query
      const { registryId, repositoryName: repository } = request.params
      const page = pageOf(request.query)
      const { registry, artifacts, more } = await contents.listArtifacts(
        actorOf(request),
        { registryId: registryId.toLowerCase(), repository },
        { ...page, ...orderOf(orderBy) },
      )
      const base = baseOf(request)
      return listOf('artifacts', `${repositoryHref(base, registry.id, repository)}/artifacts`, {
        items: artifacts.map((artifact) => artifactResource(base, registry, artifact)),
        page,
        more,
        query: { orderBy },
      })
    },
  )
}

function oneArtifact({ app, contents, baseOf, hidden }: RouteContext): void {
  app.get(
    '/registries/:registryId/repositories/:repositoryName/artifacts/:digest',
    {
      schema: {
        tags: ['Artifacts'],
        hide: hidden,
        summary: 'Get an artifact',
        params: ArtifactParams,
        response: { 200: ArtifactRead, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { registryId, repositoryName: repository, digest } = request.params
      const place = { registryId: registryId.toLowerCase(), repository, digest }
      const { registry, artifact } = await contents.getArtifact(actorOf(request), place)
      return artifactResource(baseOf(request), registry, artifact)
    },
  )
}
