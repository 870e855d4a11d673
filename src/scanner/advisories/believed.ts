import type { SnapshotInfo, SourceState } from './advisory-index.ts'
import type { Fetched } from './fetch-sources.ts'
import type { FileReport } from './file-tally.ts'

/** Below so many records nothing is said of a source that shrinks. */
const SMALL = 100

interface Knowledge {
  readonly before: SnapshotInfo | null
  readonly after: SnapshotInfo | null
}

/**
 * Why what came of a source is not taken in; null: it is. A publisher's mistake, an error page or half a list must not wipe out what is
 * known: without records nothing is believed, and nobody loses more than half of them unless an operator says so.
 */
export function whyNotBelieved(
  { asked, source, files, isFolder, outcome }: Fetched,
  reports: readonly FileReport[],
  { before, after }: Knowledge,
): string | null {
  const own = ownOf(files, isFolder, reports)
  if (!isFolder) {
    const refused = own.find((report) => refusalOf(report) !== null)
    if (refused) return `what came is no such file: ${refusalOf(refused)}`
  }
  const said = own.reduce((sum, report) => sum + recordsIn(report), 0)
  const bad = own.reduce((sum, report) => sum + report.bad, 0)
  if (said === 0) return `what came cannot be read: ${remarkOn({ files, isFolder }, reports) ?? `${bad} bad records`}`
  if (bad > said) return `what came cannot be read: ${bad} of its ${bad + said} records are bad`
  if (asked.forced) return null
  const isList = outcome.outcome === 'new' && outcome.isWhole && source?.feeds.length === 1
  const shrunk = statesOf(source?.state ?? null, before)
    .map((state) => ({
      ...state,
      now: Math.min(recordsOf(after, state.name), isList ? said : Number.POSITIVE_INFINITY),
    }))
    .find(({ records, now }) => records >= SMALL && now * 2 < records)
  if (shrunk === undefined) return null
  return (
    `${shrunk.name} would have ${shrunk.now} records where ${shrunk.records} are known: what shrinks by more than half is taken for ` +
    `damaged. If it is right: entrepot advisories fetch "${asked.name}" --force`
  )
}

/** Which files of a folder were not taken in, and why; null: none. */
export function remarkOn(
  { files, isFolder }: Pick<Fetched, 'files' | 'isFolder'>,
  reports: readonly FileReport[],
): string | null {
  if (!isFolder) return null
  const refused = ownOf(files, isFolder, reports).filter(({ refused: reason }) => reason !== null)
  if (refused.length === 0) return null
  const named = refused.slice(0, 3).map(({ path, refused: reason }) => `${path}: ${reason}`)
  return `${named.join('; ')}${refused.length > 3 ? `; and ${refused.length - 3} more` : ''}`
}

function ownOf(files: readonly string[], isFolder: boolean, reports: readonly FileReport[]): FileReport[] {
  return reports.filter(({ path }) => (isFolder ? files.some((file) => path.startsWith(file)) : files.includes(path)))
}

function refusalOf({ refused, passedOver }: FileReport): string | null {
  return refused ?? passedOver
}

function recordsIn({ records, older, withdrawn, notVulnerabilities }: FileReport): number {
  return records + older + withdrawn + notVulnerabilities
}

/** Null: all of them. */
function statesOf(name: string | null, info: SnapshotInfo | null): readonly SourceState[] {
  return (info?.sources ?? []).filter((state) => name === null || state.name === name)
}

function recordsOf(info: SnapshotInfo | null, name: string): number {
  return info?.sources.find((state) => state.name === name)?.records ?? 0
}
