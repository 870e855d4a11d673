import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { AuditEvent, AuditFilter, AuditOf } from '../audit/audit-log.ts'
import { DomainError } from '../domain/error.ts'
import { actorOf, personOf } from '../doors/caller.ts'
import type { ApiContext } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { givenInstant, instant, nullable, parseInstant, toInstant, uuid } from './wire.ts'

const filters = {
  actor: Type.Optional(
    Type.String({
      maxLength: 400,
      description: 'Who did it, exactly: an e-mail, `token:ci`, `key:laptop (ann@example.com)`.',
      examples: ['ann@example.com'],
    }),
  ),
  action: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'What was done, or how that begins: `tag.delete`, `registry.`, `login.`.',
      examples: ['tag.delete'],
    }),
  ),
  subject: Type.Optional(
    Type.String({
      maxLength: 400,
      description: 'Part of what it was done to, as in image names: `acme/team/app:v1`, `acme/team/app@sha256:…`.',
      examples: ['acme/team/app:v1'],
    }),
  ),
  registry: Type.Optional(uuid('The registry it was about, also one that was deleted.')),
  outcome: Type.Optional(Type.Enum(['ok', 'refused'], { description: 'Done, or refused.' })),
  from: Type.Optional(givenInstant('Not before.')),
  to: Type.Optional(givenInstant('Before.')),
  ofInstallation: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        "Instead of the contract's: events of no contract, such as logins with unknown names. For operators.",
    }),
  ),
}

const AuditQuery = Type.Object({ ...filters, ...pageQuery })
const ExportQuery = Type.Object(filters)
type Filters = Static<typeof ExportQuery>

const AuditEventAnswer = Type.Object({
  id: uuid('The event.'),
  at: instant('When. Refusals are counted by the minute: when that began.'),
  actor: Type.String({ description: 'Who.', examples: ['token:ci'] }),
  action: Type.String({ description: 'What.', examples: ['tag.delete'] }),
  subject: Type.String({ description: 'To what.', examples: ['acme/team/app:v1'] }),
  registryId: nullable(Type.String(), { description: 'The id of the registry it was about; null: of none.' }),
  address: nullable(Type.String(), {
    description: 'From where; null: at the machine itself.',
    examples: ['192.0.2.7'],
  }),
  outcome: Type.Enum(['ok', 'refused']),
  count: Type.Integer({ description: 'How many refusals, alike, of that minute; otherwise 1.', examples: [1] }),
  detail: nullable(Type.Record(Type.String(), Type.Unknown()), { description: 'More, depending on the action.' }),
})

/** What was done and refused: filtered, in pages or whole. */
export function auditRoutes({ app, auditLog }: ApiContext): void {
  app.get(
    '/audit',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Audit'],
        summary: 'Who did what: the audit log, newest first',
        description:
          'Who deleted a tag: `?action=tag.delete&subject=acme/team/app:v1`. Everything a person did: `?actor=ann@example.com`. ' +
          'Refused logins and requests: `?outcome=refused`.',
        querystring: AuditQuery,
        response: { 200: pageOf(AuditEventAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number', 'string'])
      const cursor = after && { at: Number(after[0]), publicId: String(after[1]) }
      const page = { filter: toFilter(request.query), after: cursor, limit: limit + 1 }
      const events = await auditLog.page(askedLog(request, request.query), page)
      return toPage(events, limit, ({ at, id }) => [at, id], toAnswer)
    },
  )

  app.get(
    '/audit/export',
    {
      config: { access: 'admin' },
      exposeHeadRoute: false,
      schema: {
        tags: ['Audit'],
        summary: 'The audit log as a file: one JSON object per line, newest first',
        description: 'The same filters and the same objects as the pages have, all of them in one answer.',
        querystring: ExportQuery,
        response: {
          200: {
            description: 'Newline-delimited JSON, each line an event as in the list.',
            content: { 'application/x-ndjson': { schema: Type.Unsafe<Readable>({ type: 'string' }) } },
          },
        },
      },
    },
    async (request, reply) => {
      const events = auditLog.all(askedLog(request, request.query), toFilter(request.query))
      reply.type('application/x-ndjson').header('content-disposition', 'attachment; filename="audit.ndjson"')
      return reply.send(Readable.from(lines(events), { highWaterMark: 1 }))
    },
  )
}

async function* lines(pages: AsyncGenerator<readonly AuditEvent[]>): AsyncGenerator<Buffer> {
  for await (const page of pages) {
    if (page.length > 0) yield Buffer.from(page.map((event) => `${JSON.stringify(toAnswer(event))}\n`).join(''))
  }
}

/** @throws `denied` */
function askedLog(request: FastifyRequest, { ofInstallation = false }: Filters): AuditOf {
  if (!ofInstallation) return actorOf(request).contractId
  const person = personOf(request)
  if (person.isOperator) return null
  throw new DomainError(
    'denied',
    `${person.email} is no operator: leave ofInstallation out for the contract's own events`,
  )
}

function toFilter({ actor, action, subject, registry, outcome, from, to }: Filters): AuditFilter {
  return {
    actor: given(actor),
    action: given(action),
    subject: given(subject),
    registryId: registry,
    outcome,
    from: from === undefined ? undefined : parseInstant('from', from),
    to: to === undefined ? undefined : parseInstant('to', to),
  }
}

/** An empty filter filters nothing; U+0000 is in no text of ours. */
function given(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text.replaceAll('\0', '\u{fffd}')
}

function toAnswer({ at, detail, ...event }: AuditEvent): Static<typeof AuditEventAnswer> {
  return { ...event, at: toInstant(at), detail: detail && { ...detail } }
}
