import { Type } from 'typebox'
import { DomainError } from '../domain/error.ts'
import { actorOf } from '../doors/caller.ts'
import type { JobView, ScheduleView } from '../jobs/jobs.ts'
import type { ApiContext } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, toInstantOrNull } from './wire.ts'

const STATES = ['ready', 'running', 'dead'] as const

const Schedule = Type.Object({
  name: Type.String({ description: 'What is done.', examples: ['remove objects'] }),
  running: Type.Boolean({ description: 'Some process does it just now.', examples: [false] }),
  nextRunAt: instant('When it is due.'),
  lastRunAt: nullable(instant('When its last run ended; null: it never ran.')),
  lastError: nullable(Type.String(), { description: 'Why its last run failed; null: it went well.' }),
})

const Job = Type.Object({
  id: Type.String({ examples: ['17'] }),
  kind: Type.String({ description: 'What is to be done.', examples: ['scan'] }),
  state: Type.Enum(STATES, { description: '`dead`: it failed as often as it may; retry or delete it.' }),
  runAfter: instant('Not before.'),
  attempts: Type.Integer({ description: 'How often it was tried.', examples: [10] }),
  maxAttempts: Type.Integer({ description: 'How often it is tried at most.', examples: [10] }),
  lastError: nullable(Type.String(), { description: 'Why it failed the last time.' }),
  createdAt: instant('When it was made.'),
})

const about = { tags: ['Jobs'] }

/** What the installation does by itself: repeated, and once. For operators. */
export function jobRoutes(context: ApiContext): void {
  scheduleRoutes(context)
  listRoute(context)
  oneJobRoutes(context)
}

function scheduleRoutes({ app, jobs }: ApiContext): void {
  app.get(
    '/schedules',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'What the installation does from time to time',
        description: 'By name; each is done by one process at a time.',
        response: { 200: Type.Object({ items: Type.Array(Schedule) }) },
      },
    },
    async () => ({ items: (await jobs.schedules()).map(toSchedule) }),
  )

  app.post(
    '/schedules/:name/run',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Run it now',
        description: 'Makes it due: some process begins within a second or two, unless it runs just now.',
        params: Type.Object({
          name: Type.String({ maxLength: 200, description: 'A name in /schedules.', examples: ['remove objects'] }),
        }),
        response: { 202: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await jobs.runNow(request.params.name.replaceAll('\0', ' '), actorOf(request))
      return reply.code(202).send(undefined)
    },
  )
}

function listRoute({ app, jobs }: ApiContext): void {
  app.get(
    '/jobs',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'What is to be done once, or failed',
        description: 'In the order they were made. `?state=dead` are those that failed as often as they may.',
        querystring: Type.Object({
          state: Type.Optional(Type.Enum(STATES, { description: 'Only those.' })),
          ...pageQuery,
        }),
        response: { 200: pageOf(Job) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const page = { state: request.query.state ?? null, after: Number(after?.[0] ?? 0), limit: limit + 1 }
      return toPage(await jobs.list(page), limit, ({ id }) => [id], toJob)
    },
  )
}

function oneJobRoutes({ app, jobs }: ApiContext): void {
  const params = Type.Object({ id: Type.String({ maxLength: 20, description: 'The job.', examples: ['17'] }) })

  app.post(
    '/jobs/:id/retry',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Try a dead job again',
        description: 'It is due at once and gets all its attempts again.',
        params,
        response: { 204: NO_CONTENT, ...problems(409) },
      },
    },
    async (request, reply) => {
      await jobs.retry(idOf(request.params), actorOf(request))
      return reply.code(204).send(undefined)
    },
  )

  app.delete(
    '/jobs/:id',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Give a job up',
        description: 'Not one that is running.',
        params,
        response: { 204: NO_CONTENT, ...problems(409) },
      },
    },
    async (request, reply) => {
      await jobs.remove(idOf(request.params), actorOf(request))
      return reply.code(204).send(undefined)
    },
  )
}

/** @throws `not_found`, for what is no number at all too */
function idOf({ id }: { readonly id: string }): number {
  if (/^[1-9]\d{0,14}$/.test(id)) return Number(id)
  throw new DomainError('not_found', `there is no job ${id}`)
}

function toSchedule({ name, isRunning, nextRunAt, lastRunAt, lastError }: ScheduleView) {
  return { name, running: isRunning, nextRunAt: toInstant(nextRunAt), lastRunAt: toInstantOrNull(lastRunAt), lastError }
}

function toJob({ id, runAfter, createdAt, ...job }: JobView) {
  return { ...job, id: String(id), runAfter: toInstant(runAfter), createdAt: toInstant(createdAt) }
}
