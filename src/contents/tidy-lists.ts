import { adoptCounters, hiddenRepositories, hideArtifacts } from '../metadata/tables/counters.ts'
import type { ContentsDeps } from './deps.ts'

const REPOSITORIES = 100
/** Index entries of so many artifacts are moved in one transaction: some milliseconds. */
const ARTIFACTS = 100

/** Takes artifacts of deleted repositories out of lists, and puts in what an older program added. For a schedule. */
export async function tidyLists({ metadata }: ContentsDeps): Promise<void> {
  while ((await metadata.transact((sql) => adoptCounters(sql, ARTIFACTS), { durable: false })) > 0);
  for (const id of await metadata.read((sql) => hiddenRepositories(sql, REPOSITORIES)))
    while (!(await metadata.transact((sql) => hideArtifacts(sql, id, ARTIFACTS), { durable: false })));
}
