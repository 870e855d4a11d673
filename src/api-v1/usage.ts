import { Type } from 'typebox'
import { actorOf } from '../doors/caller.ts'
import type { FiguresView, UsageDay } from '../usage/read-usage.ts'
import type { ApiContext } from './context.ts'
import { Quota, toQuota } from './quotas.ts'
import { instant, nullable, toInstantOrNull, uuid } from './wire.ts'

const bytes = (description: string, example: number) =>
  Type.Integer({ minimum: 0, description: `${description} In bytes, before encryption.`, examples: [example] })

const FIGURES = {
  liveBytes: bytes('What repositories can serve, each blob of a registry once.', 1_073_741_824),
  quarantinedBytes: bytes('What was deleted and can still be restored.', 0),
  reclaimableBytes: bytes(
    'Of the live ones: what no image refers to any more; the next collection frees it.',
    52_428_800,
  ),
}

const Figures = {
  ...FIGURES,
  updatedAt: nullable(instant('As of when: some seconds after a change.'), {
    description: 'Null: nothing was stored yet.',
  }),
}

const COUNTS = {
  day: Type.String({ format: 'date', description: 'In UTC.', examples: ['2026-01-31'] }),
  pulls: Type.Integer({ minimum: 0, description: 'Manifests that were pulled.', examples: [420] }),
  pushes: Type.Integer({ minimum: 0, description: 'Manifests that were pushed.', examples: [7] }),
}

const ContractUsage = Type.Object({
  ...Figures,
  registries: Type.Integer({ minimum: 0, examples: [3] }),
  quota: Quota,
})

const RegistryUsage = Type.Object({
  ...Figures,
  quota: Quota,
  days: Type.Array(
    Type.Object({
      ...COUNTS,
      bytes: nullable(Type.Object(FIGURES), { description: 'At the end of the day; null: nothing was stored yet.' }),
    }),
    { description: 'Every day of the span, the oldest first.' },
  ),
})

const RepositoryUsage = Type.Object({
  days: Type.Array(Type.Object(COUNTS), { description: 'Every day of the span, the oldest first.' }),
})

const day = (description: string) =>
  Type.Optional(
    Type.String({ maxLength: 40, description: `${description} YYYY-MM-DD, UTC.`, examples: ['2026-01-31'] }),
  )

const SpanQuery = Type.Object({
  from: day('The first day; absent: 30 days until `to`.'),
  to: day('The last day; absent: today. At most 400 days.'),
})

const RegistryParams = Type.Object({ registryId: uuid('The registry.') })
const RepositoryParams = Type.Object({
  ...RegistryParams.properties,
  repositoryName: Type.String({ description: 'With its slashes, encoded or not.', examples: ['team/app'] }),
})

const about = { tags: ['Usage'] }

export function usageRoutes({ app, usage }: ApiContext): void {
  app.get(
    '/usage',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'What the contract stores',
        description:
          'All its registries together; what deleted ones hold is in quarantine. Not for keys limited to registries.',
        response: { 200: ContractUsage },
      },
    },
    async (request) => {
      const { registries, quota, ...figures } = await usage.ofContract(actorOf(request))
      return { ...toFigures(figures), registries, quota: toQuota(quota) }
    },
  )

  app.get(
    '/registries/:registryId/usage',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'What a registry stores, and how much it is pulled and pushed',
        description: 'Days are kept for 400 days.',
        params: RegistryParams,
        querystring: SpanQuery,
        response: { 200: RegistryUsage },
      },
    },
    async (request) => {
      const { registryId } = request.params
      const { quota, days, ...figures } = await usage.ofRegistry(actorOf(request), registryId, spanOf(request.query))
      return { ...toFigures(figures), quota: toQuota(quota), days: days.map(toDay) }
    },
  )

  app.get(
    '/registries/:registryId/repositories/:repositoryName/usage',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'How much a repository is pulled and pushed',
        params: RepositoryParams,
        querystring: SpanQuery,
        response: { 200: RepositoryUsage },
      },
    },
    async (request) => {
      const { registryId, repositoryName } = request.params
      const span = spanOf(request.query)
      const { days } = await usage.ofRepository(actorOf(request), registryId, repositoryName, span)
      return { days: [...days] }
    },
  )
}

function spanOf({ from, to }: { readonly from?: string; readonly to?: string }) {
  return { from: from ?? null, to: to ?? null }
}

function toFigures({ live, quarantined, reclaimable, updatedAt }: FiguresView) {
  return {
    liveBytes: live,
    quarantinedBytes: quarantined,
    reclaimableBytes: reclaimable,
    updatedAt: toInstantOrNull(updatedAt),
  }
}

function toDay({ day, pulls, pushes, bytes: of }: UsageDay) {
  const figures = of && { liveBytes: of.live, quarantinedBytes: of.quarantined, reclaimableBytes: of.reclaimable }
  return { day, pulls, pushes, bytes: figures }
}
