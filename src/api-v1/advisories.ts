import { Type } from 'typebox'
import { actorOf } from '../doors/caller.ts'
import type { AskedSourceState, HeldSource } from '../scans/feed-state.ts'
import type { ApiContext } from './context.ts'
import { problems } from './problem.ts'
import { instant, nullable, toInstant, toInstantOrNull } from './wire.ts'

const Held = Type.Object({
  name: Type.String({ examples: ['osv:npm'] }),
  kind: Type.String({ description: 'What it was taken for.', examples: ['OSV'] }),
  records: Type.Integer({ examples: [3712] }),
  newest: nullable(instant('Of its newest record.'), { description: 'Null: it does not say.' }),
  importedAt: instant('When something of it was taken in last.'),
  checkedAt: instant('When its publisher was heard of last; if nobody asks it, when it was taken in.'),
  stale: Type.Boolean({ description: 'Longer ago than the operator finds right.', examples: [false] }),
})

const Advisories = Type.Object({
  snapshot: nullable(Type.String(), { description: 'Null: there are none, and no image can be judged.' }),
  createdAt: nullable(instant('When they were put together.'), { description: 'Null: there are none.' }),
  installedAt: nullable(instant('Since when images are judged by them.'), { description: 'Null: there are none.' }),
  reevaluated: Type.Boolean({
    description:
      'Whether all that they concern and that is in use was judged by them; what was not says so in its report.',
    examples: [true],
  }),
  stale: Type.Boolean({
    description: 'There are none, or some are too old: reports may miss what became known since.',
  }),
  sources: Type.Array(Held),
})

const Asked = Type.Object({
  name: Type.String({ examples: ['osv:npm'] }),
  lastAttemptAt: nullable(instant('When it was asked last.'), { description: 'Null: never.' }),
  lastSuccessAt: nullable(instant('When it was heard of last.'), { description: 'Null: never.' }),
  lastError: nullable(Type.String(), { description: 'What was wrong the last time; null: nothing.' }),
  failures: Type.Integer({ description: 'In a row.', examples: [0] }),
  nextAttemptAt: instant('When it is asked again.'),
  records: nullable(Type.Integer(), { description: 'In force; null: none, or a folder, which may hold anything.' }),
  stale: Type.Boolean({ examples: [false] }),
  ageSeconds: Type.Integer({
    description: 'Since it was heard of, or, if never, since it is wanted.',
    examples: [5040],
  }),
  files: Type.Array(
    Type.Object({
      name: Type.String({ examples: ['osv-npm-all.zip'] }),
      etag: nullable(Type.String()),
      lastModified: nullable(Type.String()),
    }),
    { description: 'By which its publisher knows what is in force here.' },
  ),
})

const about = { tags: ['Advisories'] }

/** What images are judged by, and where it comes from. */
export function advisoryRoutes(context: ApiContext): void {
  stateRoute(context)
  sourcesRoute(context)
  fetchRoute(context)
}

function stateRoute({ app, feeds }: ApiContext): void {
  app.get(
    '/advisories',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'What images are judged by, and how old it is',
        response: { 200: Advisories },
      },
    },
    async () => {
      const { snapshot, isStale, sources } = (await feeds.state()).advisories
      return {
        snapshot: snapshot?.id ?? null,
        createdAt: toInstantOrNull(snapshot?.createdAt ?? null),
        installedAt: toInstantOrNull(snapshot?.installedAt ?? null),
        reevaluated: snapshot?.isRematched ?? false,
        stale: isStale,
        sources: sources.map(toHeld),
      }
    },
  )
}

function sourcesRoute({ app, feeds }: ApiContext): void {
  app.get(
    '/advisories/sources',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Whose advisories are fetched, and how that went',
        description: 'By name. The setting advisorySources decides who is asked.',
        response: { 200: Type.Object({ items: Type.Array(Asked) }) },
      },
    },
    async () => ({ items: (await feeds.state()).asked.map(toAsked) }),
  )
}

function fetchRoute({ app, feeds }: ApiContext): void {
  app.post(
    '/advisories/fetch',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Fetch advisories now',
        description: 'It begins within seconds, unless it runs; /advisories/sources tells how it went.',
        body: Type.Object({
          sources: Type.Optional(
            Type.Array(Type.String({ maxLength: 500, examples: ['osv:npm'] }), {
              maxItems: 200,
              description: 'Those of /advisories/sources; absent or empty: all.',
            }),
          ),
          force: Type.Optional(
            Type.Boolean({
              description: 'Also what says less than half of what is known, which is taken for damaged.',
            }),
          ),
        }),
        response: { 202: Type.Object({ sources: Type.Array(Type.String()) }), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { sources = [], force = false } = request.body
      return reply.code(202).send({ sources: await feeds.fetchNow(sources, force, actorOf(request)) })
    },
  )
}

function toHeld({ name, kind, records, newest, importedAt, checkedAt, isStale }: HeldSource) {
  return {
    ...{ name, kind, records },
    newest: toInstantOrNull(newest),
    importedAt: toInstant(importedAt),
    checkedAt: toInstant(checkedAt),
    stale: isStale,
  }
}

function toAsked({ name, lastError, failures, records, files, isStale, ageMs, ...times }: AskedSourceState) {
  return {
    ...{ name, lastError, failures, records },
    lastAttemptAt: toInstantOrNull(times.lastAttemptAt),
    lastSuccessAt: toInstantOrNull(times.lastSuccessAt),
    nextAttemptAt: toInstant(times.nextAttemptAt),
    stale: isStale,
    ageSeconds: Math.floor(ageMs / 1000),
    files: Object.entries(files).map(([file, validators]) => ({ name: file, ...validators })),
  }
}
