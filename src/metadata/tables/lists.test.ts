import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openSqliteMetadata } from '../../../test/support/management.ts'
import type { Fragment, SqlArgument, Transaction } from '../metadata-store.ts'
import type { ArtifactOrder } from './artifact-lists.ts'
import { artifactsBy } from './artifact-lists.ts'
import { adoptCounters, hiddenRepositories } from './counters.ts'
import type { Position } from './list-run.ts'
import type { RepositoryOrder } from './repository-lists.ts'
import { repositoriesBy } from './repository-lists.ts'

let opened: Awaited<ReturnType<typeof openSqliteMetadata>>
before(async () => {
  opened = await openSqliteMetadata(Date.now)
})
after(() => opened[Symbol.asyncDispose]())

async function planOf(run: Fragment): Promise<string[]> {
  const rows = await opened.metadata.read((sql) => sql.all<{ detail: string }>`EXPLAIN QUERY PLAN ${run}`)
  return rows.map(({ detail }) => detail)
}

const POSITIONS: readonly (Position | null)[] = [null, { value: 5, id: 7 }]
const ARTIFACT_ORDERS: Record<ArtifactOrder, 'alike at the end' | 'all distinct'> = {
  last_pushed_at: 'all distinct',
  last_pulled_at: 'alike at the end',
  pull_count: 'alike at the end',
  push_count: 'alike at the end',
  last_scanned_at: 'alike at the end',
  finding_count: 'alike at the end',
  fixable_count: 'alike at the end',
  max_severity: 'alike at the end',
  score_tenths: 'alike at the end',
}

/** Every row comes from the index of that order; the one sort allowed is of what two or more index stretches were cut to. */
function isOneIndex(plan: readonly string[], index: string): void {
  const from = plan.filter((line) => /^(SEARCH|SCAN) [cr]( |$)/.test(line) && !line.includes('PRIMARY KEY'))
  assert.ok(from.length > 0, plan.join('\n'))
  for (const line of from)
    assert.match(line, new RegExp(`^SEARCH [cr] USING COVERING INDEX ${index} `), plan.join('\n'))
  const merged = plan.some((line) => line.startsWith('MERGE'))
  if (!merged) assert.ok(!plan.some((line) => line.includes('TEMP B-TREE')), plan.join('\n'))
}

const artifactCases = (Object.keys(ARTIFACT_ORDERS) as ArtifactOrder[]).flatMap((order) => {
  const isWholeRegistry = order !== 'max_severity' && order !== 'score_tenths'
  const scopes = [
    { prefix: 'within_by', scope: { repositoryId: 1 } },
    ...(isWholeRegistry ? [{ prefix: 'by', scope: { registryId: 1, hasHidden: false } }] : []),
  ]
  return scopes.flatMap((of) => [true, false].map((descending) => ({ order, descending, ...of })))
})

for (const { order, descending, prefix, scope } of artifactCases) {
  test(`artifacts ${prefix} ${order}, descending ${descending}: from one index`, async () => {
    const runs = artifactsBy(order, descending, scope)
    assert.equal(runs.length, ARTIFACT_ORDERS[order] === 'all distinct' ? 1 : 2)
    const [distinct, alike] = descending ? runs : runs.toReversed()
    for (const position of POSITIONS) {
      if (distinct) isOneIndex(await planOf(distinct(position, 100, 50)), `manifest_counters_${prefix}_${order}`)
      if (alike) isOneIndex(await planOf(alike(position, 100, 50)), `manifest_counters_${prefix}_traits`)
    }
  })
}

const COUNTER_ORDERS: readonly Exclude<RepositoryOrder, 'name'>[] = [
  ...(['last_pushed_at', 'last_pulled_at', 'artifact_count', 'pull_count', 'push_count'] as const),
]
for (const order of COUNTER_ORDERS) {
  test(`repositories by ${order} are read from one index, with a severity too`, async () => {
    for (const descending of [true, false])
      for (const position of POSITIONS)
        for (const severity of [null, 3]) {
          const run = repositoriesBy(order, descending, { registryId: 1, nameContains: null, severity })
          const infix = severity === null ? 'by' : 'severe_by'
          isOneIndex(await planOf(run(position, 100, 50)), `repository_counters_${infix}_${order}`)
        }
  })
}

test('repositories by name are read from the index of live names', async () => {
  const run = repositoriesBy('name', false, { registryId: 1, nameContains: null, severity: null })
  for (const position of [null, { value: 'app', id: 7 }])
    assert.ok((await planOf(run(position, 100, 50))).some((line) => line.includes('INDEX repositories_live_name')))
})

test('what is to be adopted or hidden is found without looking at what is not', async () => {
  const plan: string[] = []
  await opened.metadata.transact(async (sql) => {
    const all = async <Row>(text: TemplateStringsArray, ...values: SqlArgument[]): Promise<Row[]> => {
      const rows = await sql.all<{ detail: string }>`EXPLAIN QUERY PLAN ${{ text, values }}`
      plan.push(...rows.map(({ detail }) => detail))
      return []
    }
    const run = async (text: TemplateStringsArray, ...values: SqlArgument[]): Promise<number> =>
      (await all(text, ...values)).length
    const explaining: Transaction = { dialect: sql.dialect, now: sql.now, all, run, get: async () => null }
    await adoptCounters(explaining, 10)
    await hiddenRepositories(explaining, 10)
  })
  assert.deepEqual(
    plan.filter((line) => line.startsWith('SCAN')),
    [
      'SCAN repository_counters USING INDEX repository_counters_unadopted',
      'SCAN manifest_counters USING INDEX manifest_counters_unadopted',
      'SCAN repository_counters USING COVERING INDEX repository_counters_hidden',
    ],
  )
})
