import { actorOf } from '../doors/caller.ts'
import {
  ArtifactParams,
  ArtifactVulnerabilityReadList,
  VulnerabilitiesQuery,
  VulnerabilityParams,
  VulnerabilityRead,
} from './contents-contract.ts'
import { artifactHref, vulnerabilityResource } from './contents-resources.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, NOT_FOUND } from './context.ts'
import { listOf, orderOf, pageOf, severityOf } from './listing.ts'

/** Operations 21 and 22 of management-api.md 2. */
export function vulnerabilityRoutes(context: RouteContext): void {
  vulnerabilitiesOfArtifact(context)
  oneVulnerability(context)
}

function vulnerabilitiesOfArtifact({ app, scans, baseOf, hidden }: RouteContext): void {
  app.get(
    '/registries/:registryId/repositories/:repositoryName/artifacts/:digest/vulnerabilities',
    {
      schema: {
        tags: ['Artifacts'],
        hide: hidden,
        summary: 'List the vulnerabilities found in an artifact',
        params: ArtifactParams,
        querystring: VulnerabilitiesQuery,
        response: { 200: ArtifactVulnerabilityReadList, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { orderBy = '-score', 'filter.severity': severity, 'filter.fixable': fixable } = request.query
      const { registryId, repositoryName: repository, digest } = request.params
      const place = { registryId: registryId.toLowerCase(), repository, digest, takesTags: false }
      const page = pageOf(request.query)
      const { vulnerabilities, more } = await scans.vulnerabilitiesOf(actorOf(request), place, {
        ...page,
        ...orderOf(orderBy),
        severity: severityOf('filter.severity', severity),
        fixable: fixable ?? null,
      })
      const base = baseOf(request)
      return listOf('vulnerabilities', artifactHref(base, place.registryId, repository, digest), {
        items: vulnerabilities.map((one) => vulnerabilityResource(base, one)),
        page,
        more,
        query: {
          'filter.severity': severity,
          'filter.fixable': fixable === undefined ? undefined : String(fixable),
          orderBy,
        },
      })
    },
  )
}

function oneVulnerability({ app, scans, baseOf, hidden }: RouteContext): void {
  app.get(
    '/vulnerabilities/:vulnerabilityId',
    {
      schema: {
        tags: ['Vulnerabilities'],
        hide: hidden,
        summary: 'Get a vulnerability',
        params: VulnerabilityParams,
        response: { 200: VulnerabilityRead, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const known = await scans.vulnerability(actorOf(request), request.params.vulnerabilityId)
      return vulnerabilityResource(baseOf(request), known)
    },
  )
}
