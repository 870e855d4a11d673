import { Type } from 'typebox'
import { SEVERITIES } from '../domain/severity.ts'
import { actorOf } from '../doors/caller.ts'
import type { HistoryEntry } from '../scans/history.ts'
import type { Report } from '../scans/report.ts'
import type { ApiContext } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, toInstantOrNull, uuid } from './wire.ts'

const STATUSES = ['scanned', 'unknown', 'not_applicable'] as const
const Text = Type.String()
const NullableText = nullable(Type.String())
const Severity = Type.Enum([...SEVERITIES])
const Score = nullable(Type.Number(), { description: '0 to 10; null: no source gives one.' })

const PACKAGE_PARTS = {
  type: Type.String({ description: 'As in package URLs, like the three that follow.', examples: ['deb'] }),
  namespace: NullableText,
  name: Text,
  version: Text,
}
const Package = Type.Object({
  ...PACKAGE_PARTS,
  source: nullable(Type.Object({ name: Text, version: Text }), { description: "What the vendor's advisories name." }),
  path: Type.String({ description: 'The file that says so.', examples: ['var/lib/dpkg/status'] }),
  layer: Type.String({ description: 'Digest of the layer that brought it.' }),
})
const FoundIn = Type.Object({ ...PACKAGE_PARTS, path: Text, layer: Text })

const Finding = Type.Object({
  id: Type.String({ description: "The CVE's, or the advisory's.", examples: ['CVE-2024-3094'] }),
  aliases: Type.Array(Text),
  covers: Type.Array(Text, { description: 'CVEs that the advisory bundles.' }),
  package: FoundIn,
  severity: Severity,
  score: Score,
  scores: Type.Array(Type.Object({ source: Text, version: Text, vector: NullableText, score: Score, stated: Score }), {
    description: 'Of all sources; the highest one counts.',
  }),
  fixable: Type.Boolean(),
  fixedVersion: NullableText,
  status: nullable(Type.Enum(['wont_fix', 'deferred', 'under_investigation']), { description: "The vendor's word." }),
  title: NullableText,
  description: NullableText,
  publishedAt: nullable(instant('When it became known.')),
  updatedAt: nullable(instant('When what is known of it changed last.')),
  references: Type.Array(Text),
  matchedBy: Type.Array(Type.Object({ advisory: Text, source: Text })),
  knownExploitedSince: nullable(instant('By the catalog of CISA.')),
  epss: nullable(Type.Object({ probability: Type.Number(), percentile: Type.Number() })),
  recommendations: Type.Array(Text, { description: 'What to do, most useful first.' }),
  doubt: nullable(Type.String(), { description: 'What makes it less sure.' }),
})

const ReportAnswer = Type.Object({
  status: Type.Enum(STATUSES, { description: '`unknown`: nothing can be said; `reason` says why. It is never clean.' }),
  reason: nullable(Type.String(), { description: 'Null if it was scanned.' }),
  scannedAt: nullable(instant('When this was found out.'), { description: 'Null: it was not scanned yet.' }),
  snapshot: nullable(Type.String(), { description: 'Which advisories it was judged by; null: none.' }),
  packages: Type.Array(Package),
  findings: Type.Array(Finding, { description: 'The worst first.' }),
  cannotTell: Type.Array(Type.Object({ package: FoundIn, advisory: Text, reason: Text }), {
    description: 'Packages that could not be judged by an advisory.',
  }),
  problems: Type.Array(
    Type.Object({
      path: NullableText,
      where: Text,
      reason: Text,
      weight: Type.Enum(['fatal', 'partial']),
    }),
    { description: 'What could not be examined, and what makes "nothing found" mean less than it says.' },
  ),
})

const Told = { id: Text, package: Text, severity: Severity, score: Score }
const Change = Type.Object({
  id: Text,
  at: instant('When.'),
  snapshot: nullable(Type.String(), { description: 'The advisories that brought it.' }),
  status: nullable(Type.Object({ from: Type.Enum(STATUSES), to: Type.Enum(STATUSES), reason: NullableText })),
  appeared: Type.Array(Type.Object(Told)),
  vanished: Type.Array(Type.Object({ ...Told, why: Type.Enum(['withdrawn', 'no longer affected']) })),
  rescored: Type.Array(
    Type.Object({
      ...Told,
      before: Type.Object({ severity: Severity, score: Score }),
      why: Type.Array(Text, { description: 'Sources that say something else now.' }),
    }),
  ),
})

const Params = Type.Object({
  registryId: uuid('The registry.'),
  repositoryName: Type.String({ description: 'With its slashes, encoded or not.', examples: ['team/app'] }),
  digest: Type.String({ maxLength: 256, description: 'The digest of the manifest.' }),
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
        description: 'Of an index: of all its images together.',
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
        description: 'It begins as soon as a node is free; `scannedAt` of the report tells when it is done.',
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

function toReport(report: Report) {
  return {
    ...report,
    scannedAt: toInstantOrNull(report.scannedAt),
    packages: report.packages.map((one) => ({ ...foundIn(one), source: one.source })),
    findings: report.findings.map((finding) => ({
      ...finding,
      package: foundIn(finding.package),
      publishedAt: toInstantOrNull(finding.publishedAt),
      updatedAt: toInstantOrNull(finding.updatedAt),
      knownExploitedSince: toInstantOrNull(finding.knownExploitedSince),
    })),
    cannotTell: report.cannotTell.map((one) => ({ ...one, package: foundIn(one.package) })),
  }
}

function foundIn({ type, namespace, name, version, path, layer }: Report['packages'][number]) {
  return { type, namespace, name, version, path, layer }
}

function toChange({ id, at, ...changes }: HistoryEntry) {
  return { ...changes, id: `${id}`, at: toInstant(at) }
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
