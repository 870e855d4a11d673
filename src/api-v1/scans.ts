import { Type } from 'typebox'
import { actorOf } from '../doors/caller.ts'
import type { ApiContext } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { Change, ReportAnswer, toChange, toReport } from './scan-wire.ts'
import { NO_CONTENT, uuid } from './wire.ts'

const Params = Type.Object({
  registryId: uuid('The registry.'),
  repositoryName: Type.String({ description: 'With its slashes, encoded or not.', examples: ['team/app'] }),
  digest: Type.String({ maxLength: 256, description: 'The digest of the manifest, or a tag as it points now.' }),
})

const about = { tags: ['Scans'] }
const PATH = '/registries/:registryId/repositories/:repositoryName/artifacts/:digest'

/** What was found in an artifact. */
export function scanRoutes(context: ApiContext): void {
  reportRoute(context)
  historyRoute(context)
  scanRoute(context)
}

function reportRoute({ app, scans }: ApiContext): void {
  app.get(
    `${PATH}/report`,
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'Everything that is known of the vulnerabilities of an artifact',
        description: 'Of an index: of all its images together, and each in short.',
        params: Params,
        response: { 200: ReportAnswer },
      },
    },
    async (request) => writable(toReport(await scans.report(actorOf(request), placeOf(request.params)))),
  )
}

function historyRoute({ app, scans }: ApiContext): void {
  app.get(
    `${PATH}/history`,
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'How the report of an artifact changed, and why',
        description: 'The newest first; the last 200 changes are kept.',
        params: Params,
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(Change) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const before = after === null ? null : Number(after[0])
      const page = { before, limit: limit + 1 }
      const rows = await scans.history(actorOf(request), placeOf(request.params), page)
      return toPage(
        rows,
        limit,
        ({ id }) => [id],
        (row) => writable(toChange(row)),
      )
    },
  )
}

function scanRoute({ app, scans }: ApiContext): void {
  app.post(
    `${PATH}/scan`,
    {
      config: { access: 'manage' },
      schema: {
        ...about,
        summary: 'Scan an artifact again',
        description:
          'Of an index, each of its images. It begins as soon as a node is free; `scannedAt` of the report, and of its images, tells when it is done.',
        params: Params,
        response: { 202: NO_CONTENT, ...problems(409) },
      },
    },
    async (request, reply) => {
      await scans.scan(actorOf(request), placeOf(request.params))
      return reply.code(202).send()
    },
  )
}

function placeOf(params: { readonly registryId: string; readonly repositoryName: string; readonly digest: string }) {
  return { registryId: params.registryId, repository: params.repositoryName, digest: params.digest }
}

/** What is sent is not changed by anybody any more, but the schemas' types know no `readonly`. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T

function writable<T>(value: T): Writable<T> {
  return value as Writable<T>
}
