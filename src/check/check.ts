import { databaseFaults } from '../metadata/tables/check.ts'
import { checkBlobs } from './blobs.ts'
import type { CheckDeps, CheckRun, Depth } from './deps.ts'
import { checkKeys } from './keys.ts'
import { checkManifests } from './manifests.ts'
import { checkRowsOfObjects, checkStoredObjects } from './objects.ts'
import type { Counted, Figures, Pending, Problem } from './problem.ts'
import { noFigures } from './problem.ts'
import { checkLinks, checkRepositories, checkTags, checkUploads } from './rows.ts'
import { refuseForeignStore, storeOwner } from './store-marker.ts'

export interface CheckOptions {
  readonly depth: Depth
  /** Removes objects without a row that are older than a day. Nothing else is ever changed. */
  readonly repair: boolean
}

export interface CheckReport {
  /** At most `MOST_PROBLEMS`; `found` tells how many there were. */
  readonly problems: readonly Problem[]
  readonly found: number
  readonly counted: Counted
  readonly pending: Pending
  readonly repaired: number
}

/** A store full of damage must not fill the memory. */
export const MOST_PROBLEMS = 10_000

/**
 * Verifies everything (design.md 13), also while the server runs: what looks wrong is looked at again before it counts.
 * @param onProblem called for each as it is found, also for those beyond `MOST_PROBLEMS`.
 * @throws `unsupported` when the store carries another installation's mark: nothing was looked at.
 */
export async function runCheck(
  deps: CheckDeps,
  options: CheckOptions,
  onProblem: (problem: Problem) => void = () => {},
): Promise<CheckReport> {
  const figures = noFigures()
  const problems: Problem[] = []
  let found = 0
  for await (const problem of checkInstallation(deps, options, figures)) {
    found += 1
    onProblem(problem)
    if (problems.length < MOST_PROBLEMS) problems.push(problem)
  }
  return { problems, found, ...figures }
}

/** The same as a stream; `figures` fills while it runs. */
export async function* checkInstallation(
  deps: CheckDeps,
  options: CheckOptions,
  figures: Figures = noFigures(),
): AsyncGenerator<Problem, void, void> {
  const owner = await storeOwner(deps.blobs)
  refuseForeignStore(owner, deps.installation)
  const run: CheckRun = { ...deps, ...options, figures, unreadableKeys: new Set() }
  if (owner === null) yield unmarked()
  for (const detail of await run.metadata.read(databaseFaults))
    yield { kind: 'database_damaged', subject: 'database', detail }
  // Objects first, rows afterwards: a row is committed before its object's first byte and goes after its last.
  yield* checkStoredObjects(run)
  yield* checkKeys(run)
  yield* checkRowsOfObjects(run)
  yield* checkBlobs(run)
  yield* checkLinks(run)
  yield* checkManifests(run)
  yield* checkTags(run)
  yield* checkRepositories(run)
  yield* checkUploads(run)
}

function unmarked(): Problem {
  return {
    kind: 'store_unmarked',
    subject: 'store',
    detail: 'the blob store carries no installation id; the next start of the server writes it',
  }
}
