import { Type } from 'typebox'
import { SEVERITIES } from '../domain/severity.ts'
import type { HistoryEntry } from '../scans/history.ts'
import type { Report } from '../scans/report.ts'
import { instant, nullable, toInstant, toInstantOrNull } from './wire.ts'

// What is told of an artifact's vulnerabilities, on the wire.

const STATUSES = ['scanned', 'unknown', 'not_applicable'] as const
const Text = Type.String()
const NullableText = nullable(Type.String())
const Count = Type.Integer({ minimum: 0 })
const Status = Type.Enum(STATUSES)
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

const Counts = Type.Object(
  { critical: Count, high: Count, medium: Count, low: Count, none: Count, unknown: Count },
  { description: 'Vulnerabilities in each band, each counted once, where it is worst.' },
)
const Os = nullable(
  Type.Object({
    id: Type.String({ description: 'As in os-release.', examples: ['debian'] }),
    version: NullableText,
    name: Type.String({ description: 'As it calls itself.', examples: ['Debian GNU/Linux 12 (bookworm)'] }),
    endOfLife: nullable(instant('From then on its vendor mends nothing.'), { description: 'Null: not known.' }),
  }),
)

const ImageInShort = Type.Object({
  digest: Text,
  platform: nullable(Type.String({ examples: ['linux/arm64'] })),
  status: Status,
  reason: NullableText,
  scannedAt: nullable(instant('When this was found out.')),
  upToDate: Type.Boolean(),
  os: Os,
  packages: Count,
  counts: Counts,
})

const Upgrade = Type.Object({
  package: Type.Object(PACKAGE_PARTS),
  to: Type.String({
    description: 'A version in which all of that is mended, and of which nothing else is known that has a fix.',
  }),
  mends: Type.Array(Text, { description: 'Ids of findings, the worst first.' }),
  severity: Severity,
  paths: Type.Array(Text),
})

const Advisories = Type.Object({
  snapshot: Text,
  createdAt: instant('When they were put together.'),
  sources: Type.Array(
    Type.Object({
      name: Text,
      kind: Text,
      records: Count,
      newest: nullable(instant('Of its newest record.')),
      importedAt: instant('When it was taken in last.'),
    }),
  ),
})

export const ReportAnswer = Type.Object({
  digest: Type.String({ description: 'Of the manifest; where a tag was asked for, what it points to now.' }),
  status: Type.Enum(STATUSES, { description: '`unknown`: nothing can be said; `reason` says why. It is never clean.' }),
  reason: nullable(Type.String(), { description: 'Null if it was scanned.' }),
  scannedAt: nullable(instant('When this was found out.'), { description: 'Null: it was not scanned yet.' }),
  snapshot: nullable(Type.String(), { description: 'Which advisories it was judged by; null: none.' }),
  upToDate: Type.Boolean({ description: 'By the advisories in force: another scan would say the same.' }),
  advisories: nullable(Advisories, { description: 'What is in force now; null: nothing was ever imported.' }),
  stale: nullable(Type.String(), {
    description:
      'Of which source of advisories nothing was heard for long: what became known since may be missing. Null: of none.',
  }),
  os: Os,
  images: Type.Array(ImageInShort, { description: 'Of an index: its images in short.' }),
  counts: Counts,
  upgrades: Type.Array(Upgrade, { description: 'What each package needs at least, the most urgent first.' }),
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
export const Change = Type.Object({
  id: Text,
  digest: Type.String({ description: 'The image: of an index, that of its images whose report changed.' }),
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

export function toReport(report: Report) {
  return {
    ...report,
    scannedAt: toInstantOrNull(report.scannedAt),
    advisories: report.advisories && toAdvisories(report.advisories),
    os: toOs(report.os),
    images: report.images.map((image) => ({
      ...image,
      scannedAt: toInstantOrNull(image.scannedAt),
      os: toOs(image.os),
    })),
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

function toOs(os: Report['os']) {
  return os && { ...os, endOfLife: toInstantOrNull(os.endOfLife) }
}

function toAdvisories({ id, createdAt, sources }: NonNullable<Report['advisories']>) {
  return {
    snapshot: id,
    createdAt: toInstant(createdAt),
    sources: sources.map((source) => ({
      ...source,
      newest: toInstantOrNull(source.newest),
      importedAt: toInstant(source.importedAt),
    })),
  }
}

function foundIn({ type, namespace, name, version, path, layer }: Report['packages'][number]) {
  return { type, namespace, name, version, path, layer }
}

export function toChange({ id, at, ...changes }: HistoryEntry) {
  return { ...changes, id: `${id}`, at: toInstant(at) }
}
