import type {
  Advisory,
  AdvisoryIndex,
  Affected,
  CveFacts,
  RangeEvent,
  Score,
} from '../../src/scanner/advisories/advisory-index.ts'

/** One record of a test's advisories. */
export interface Record {
  readonly id: string
  readonly ecosystem: string
  readonly name: string
  readonly events?: readonly RangeEvent[]
  readonly versions?: readonly string[]
  readonly aliases?: readonly string[]
  readonly covers?: readonly string[]
  readonly status?: Affected['status']
  readonly vendorSeverity?: string
  readonly module?: string
  readonly scores?: readonly Score[]
}

/** An index in memory, for tests of what is done with one. */
export function indexOf(
  records: readonly Record[],
  cves: readonly (Partial<CveFacts> & { readonly id: string })[] = [],
) {
  const links = new Map<string, Set<string>>()
  const link = (a: string, b: string): void => {
    links.set(a, (links.get(a) ?? new Set()).add(b))
    links.set(b, (links.get(b) ?? new Set()).add(a))
  }
  for (const { id, aliases = [] } of records) for (const alias of aliases) link(id, alias)
  const index: AdvisoryIndex = {
    info: { id: 'sha256:test', createdAt: 0, sources: [] },
    hasEcosystem: (ecosystem) => records.some((record) => record.ecosystem === ecosystem),
    affecting: (ecosystem, name) =>
      records.filter((record) => record.ecosystem === ecosystem && record.name === name).map(affectedOf),
    advisory: (id) => {
      const record = records.find((one) => one.id === id)
      return record ? advisoryOf(record) : null
    },
    aliasGroup: (id) => {
      const group = new Set([id])
      for (const one of group) for (const next of links.get(one) ?? []) group.add(next)
      return [...group]
    },
    cve: (id) => {
      const cve = cves.find((one) => one.id === id)
      return cve ? { ...NO_FACTS, ...cve } : null
    },
  }
  return index
}

export function score(value: number | null, source = 'nvd'): Score {
  return { source, version: '3.1', vector: null, score: value, stated: null }
}

const NO_FACTS = {
  title: null,
  description: null,
  publishedAt: null,
  updatedAt: null,
  scores: [],
  knownExploitedSince: null,
  epss: null,
}

function affectedOf(record: Record): Affected {
  const { id, ecosystem, name, events = [], versions = [] } = record
  return {
    advisory: id,
    ecosystem,
    name,
    ranges: events.length === 0 ? [] : [{ type: 'ECOSYSTEM', events }],
    versions,
    status: record.status ?? null,
    vendorSeverity: record.vendorSeverity ?? null,
    module: record.module ?? null,
  }
}

function advisoryOf({ id, aliases = [], covers = [], scores = [] }: Record): Advisory {
  return {
    id,
    aliases,
    covers,
    scores,
    summary: `about ${id}`,
    details: null,
    publishedAt: null,
    modifiedAt: null,
    source: 'test',
    references: [],
  }
}
