import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MetadataStore, Transaction } from '../src/metadata/metadata-store.ts'
import { literal, rowTable } from '../src/metadata/sql.ts'
import { scanSubject } from '../src/metadata/tables/scans.ts'
import type { OpenSnapshot } from '../src/scanner/advisories/open-snapshot.ts'
import type { Inventory, InventoryPackage } from '../src/scanner/facts.ts'
import type { PackageType } from '../src/scanner/package.ts'
import type { judge } from '../src/scans/judge.ts'
import { randomFrom } from './statistics.ts'

/** Of one image: those of its base, and its own. */
const [OS_PACKAGES, OWN_PACKAGES] = [250, 150]
const BASES = 200
/** Applications on each base: each is pushed again and again. */
const APPLICATIONS = 5
const ECOSYSTEMS = { deb: 'Debian:11', npm: 'npm', pypi: 'PyPI' } as const
/** Names of each ecosystem that images hold; where advisories have fewer, others stand in for those that nobody wrote one about. */
const NAMES = { deb: 1500, npm: 3000, pypi: 1500 } as const

type Kind = keyof typeof ECOSYSTEMS
export type Name = { readonly type: Kind; readonly name: string }

export function namesIn(index: OpenSnapshot): Name[] {
  const known = index.packages()
  return (Object.keys(ECOSYSTEMS) as Kind[]).flatMap((type) => {
    const names = known.filter(({ ecosystem }) => ecosystem === ECOSYSTEMS[type]).map(({ name }) => name)
    const others = Array.from({ length: Math.max(0, NAMES[type] - names.length) }, (_, n) => `quiet-${type}-${n}`)
    return [...names, ...others].slice(0, NAMES[type]).map((name) => ({ type, name }))
  })
}

/** What each application is made of: packages of its base, which all of that base share, and its own. */
export function* applications(names: readonly Name[]): Generator<{ base: number; inventory: Inventory }> {
  const random = randomFrom(1)
  const some = (count: number, from: readonly Name[], layer: string) => {
    const chosen = new Set<Name>()
    while (chosen.size < Math.min(count, from.length)) chosen.add(from[Math.floor(random() * from.length)] as Name)
    return [...chosen].map((one) => packageOf(one, layer, random))
  }
  const os = { id: 'debian', idLike: [], versionId: '11', codename: 'bullseye', prettyName: 'Debian 11', hints: {} }
  const [debs, others] = [names.filter(({ type }) => type === 'deb'), names.filter(({ type }) => type !== 'deb')]
  for (let base = 0; base < BASES; base += 1) {
    const below = some(OS_PACKAGES, debs, digestOf(`base ${base}`))
    for (let application = 0; application < APPLICATIONS; application += 1) {
      const own = some(OWN_PACKAGES, others, digestOf(`own ${base} ${application}`))
      yield { base, inventory: { os, packages: [...below, ...own], problems: [] } }
    }
  }
}

/** Three versions of each are about; of twenty packages one is old enough to be affected by what is known. */
function packageOf({ type, name }: Name, layer: string, random: () => number): InventoryPackage {
  const version = random() < 0.05 ? `0.${Math.floor(random() * 3)}.1` : `900.${Math.floor(random() * 3)}.0`
  const path = type === 'deb' ? 'var/lib/dpkg/status' : `app/${type}/${name}/package.json`
  const plain = {
    namespace: type === 'deb' ? 'debian' : null,
    source: null,
    architecture: null,
    module: null,
    doubt: null,
  }
  return { ...plain, type: type satisfies PackageType, name, version, path, layer, osOwned: false }
}

/**
 * Writes `count` images into the tables, in turns of each application; the first of each is judged as a push would have it, the others
 * are copies of its rows.
 */
export async function fillImages(
  metadata: MetadataStore,
  names: readonly Name[],
  count: number,
  judgeOne: (...of: Parameters<typeof judge> extends [unknown, ...infer Rest] ? Rest : never) => Promise<void>,
): Promise<void> {
  await metadata.transact(makePlaces)
  const distinct = Math.min(count, BASES * APPLICATIONS)
  let id = 0
  for (const { base, inventory } of applications(names)) {
    id += 1
    if (id > distinct) break
    const manifestId = id
    await metadata.transact((sql) => makeManifests(sql, [{ id: manifestId, repository: base + 1 }]), { durable: false })
    const subject = await metadata.read((sql) => scanSubject(sql, manifestId))
    const lowestLayer = inventory.packages[0]?.layer ?? null
    if (subject) await judgeOne(subject, { inventory, lowestLayer, isNew: true })
  }
  for (let first = distinct + 1; first <= count; first += COPIES) {
    const ids = Array.from({ length: Math.min(COPIES, count - first + 1) }, (_, n) => first + n)
    const copies = ids.map((copy) => ({ id: copy, of: ((copy - 1) % distinct) + 1 }))
    const rows = copies.map((one) => ({ id: one.id, repository: Math.floor((one.of - 1) / APPLICATIONS) + 1 }))
    await metadata.transact(
      async (sql) => {
        await makeManifests(sql, rows)
        await copyScans(sql, copies)
      },
      { durable: false },
    )
  }
}

/** Half of the indexes' entries of a batch lie wherever: what it costs depends on how many batches there are. */
const COPIES = 5_000

async function makePlaces(sql: Transaction): Promise<void> {
  const now = sql.now()
  await sql.run`INSERT INTO contracts (id, name, created_at) VALUES (1, 'bench', ${now}) ON CONFLICT (id) DO NOTHING`
  await sql.run`
    INSERT INTO registries (id, contract_id, public_id, name, location, created_at, created_by, created_by_id)
    VALUES (1, 1, 'bench', 'bench', 'bench', ${now}, 'bench', 'bench')`
  await sql.run`
    INSERT INTO data_keys (id, registry_id, version, provider, created_at) VALUES (1, 1, 1, 'bench', ${now})`
  const rows = Array.from({ length: BASES }, (_, n) => [n + 1, `team/base-${n + 1}`])
  const places = rowTable(sql, { id: 'int', name: 'text' }, rows)
  await sql.run`
    INSERT INTO repositories (id, registry_id, name, created_at, created_by)
    SELECT n.id, 1, n.name, ${now}, 'bench' FROM ${places} AS n WHERE 1 = 1`
  await sql.run`
    INSERT INTO repository_counters (repository_id, registry_id, listing, last_pushed_at, last_pulled_at)
    SELECT n.id, 1, 1, ${now}, 0 FROM ${places} AS n WHERE 1 = 1`
}

async function makeManifests(sql: Transaction, all: readonly { id: number; repository: number }[]): Promise<void> {
  const now = sql.now()
  const columns = { id: 'int', repository: 'int', digest: 'text' } as const
  const rows = rowTable(
    sql,
    columns,
    all.map(({ id, repository }) => [id, repository, digestOf(`image ${id}`)]),
  )
  await sql.run`
    INSERT INTO manifests (id, repository_id, digest, media_type, size, content, data_key_id, pushed_at, pushed_by, lease_until)
    SELECT n.id, n.repository, n.digest, 'application/vnd.oci.image.manifest.v1+json', 1500, ${new Uint8Array(1500)}, 1, ${now},
           'bench', 0 FROM ${rows} AS n WHERE 1 = 1`
  await sql.run`
    INSERT INTO manifest_counters (manifest_id, registry_id, repository_id, is_listed, last_pushed_at, last_pulled_at, created_at)
    SELECT n.id, 1, n.repository, 1, ${now} - n.id, 0, ${now} FROM ${rows} AS n WHERE 1 = 1`
}

/** All that a scan of the one wrote, for the other. */
async function copyScans(sql: Transaction, copies: readonly { id: number; of: number }[]): Promise<void> {
  const rows = rowTable(
    sql,
    { id: 'int', origin: 'int' },
    copies.map(({ id, of }) => [id, of]),
  )
  const tables = [
    [
      'scans',
      'status, reason, scanned_at, analyzer_version, snapshot, lowest_layer, traits, problems, verdicts',
      'manifest_id',
    ],
    ['scan_inventories', 'inventory', 'manifest_id'],
    ['image_packages', 'package_id', 'package_id, manifest_id'],
    ['image_vulnerabilities', 'registry_id, vulnerability', 'registry_id, vulnerability, manifest_id'],
  ] as const
  // In the order of their keys: each page is written once for a batch.
  for (const [table, columns, key] of tables) {
    const copied = columns.split(', ').map((column) => `t.${column}`)
    await sql.run`
      INSERT INTO ${literal(`${table} (manifest_id, ${columns})`)}
      SELECT n.id AS manifest_id, ${literal(copied.join(', '))} FROM ${rows} AS n
        JOIN ${literal(table)} t ON t.manifest_id = n.origin ORDER BY ${literal(key)}`
  }
  await sql.run`
    UPDATE manifest_counters SET traits = o.traits, last_scanned_at = o.last_scanned_at, max_severity = o.max_severity,
           score_tenths = o.score_tenths, finding_count = o.finding_count, fixable_count = o.fixable_count
      FROM ${rows} AS n JOIN manifest_counters o ON o.manifest_id = n.origin WHERE manifest_counters.manifest_id = n.id`
}

/**
 * Advisories about `names`, as two days have them: on the second half of them are new, a third has another score, and the rest is
 * withdrawn.
 */
export function writeDays(names: readonly Name[], folder: string): [first: string, second: string] {
  const record = ({ type, name }: Name, n: number, day: number, rest: object) =>
    JSON.stringify({
      schema_version: '1.7.0',
      id: `BENCH-${n}`,
      aliases: [`CVE-2099-${10_000 + n}`],
      published: '2026-01-01T00:00:00Z',
      modified: `2026-01-0${day}T00:00:00Z`,
      summary: `Something about ${name}`,
      details: 'What it is about, in as many words as such texts have. '.repeat(20),
      references: [{ type: 'WEB', url: `https://example.com/BENCH-${n}` }],
      severity: [{ type: 'CVSS_V3', score: SCORES[day % 2] }],
      affected: [
        {
          package: { ecosystem: ECOSYSTEMS[type], name },
          ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '901' }] }],
        },
      ],
      ...rest,
    })
  const kindOf = (n: number) => (['new', 'new', 'new', 'rescored', 'rescored', 'withdrawn'] as const)[n % 6]
  const first = names.flatMap((name, n) => (kindOf(n) === 'new' ? [] : [record(name, n, 1, {})]))
  const second = names.map((name, n) =>
    record(name, n, 2, kindOf(n) === 'withdrawn' ? { withdrawn: '2026-01-02T00:00:00Z' } : {}),
  )
  return [first, second].map((records, day) => {
    const path = join(folder, `day-${day}.jsonl`)
    writeFileSync(path, `${records.join('\n')}\n`)
    return path
  }) as [string, string]
}

const SCORES = ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 'CVSS:3.1/AV:N/AC:H/PR:L/UI:N/S:U/C:L/I:L/A:N']

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
