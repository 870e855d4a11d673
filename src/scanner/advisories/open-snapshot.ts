import { statSync } from 'node:fs'
import type {
  Advisory,
  AdvisoryIndex,
  Affected,
  AffectedRange,
  CveFacts,
  Score,
  SnapshotInfo,
  SourceState,
} from './advisory-index.ts'
import { ImportError } from './import-error.ts'
import { checkFormat } from './snapshot-tables.ts'
import type { Database, StatementSync } from './sqlite-file.ts'
import { openUnchanging } from './sqlite-file.ts'

/** Answers kept in memory, of each kind: images of one installation hold the same packages again and again. */
const MOST_REMEMBERED = 4096

export interface OpenSnapshot extends AdvisoryIndex, Disposable {
  /** Whom an advisory affects: to find what must be matched again when only its own words changed. */
  packagesOf(advisory: string): readonly { readonly ecosystem: string; readonly name: string }[]
  /** All that anything is said of. */
  packages(): readonly { readonly ecosystem: string; readonly name: string }[]
}

/** @throws ImportError when the file is none. It is read as it is asked: leave it there until it is disposed. */
export function openSnapshot(path: string): OpenSnapshot {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new ImportError(`there is no snapshot ${path}`)
  let database: Database | null = null
  try {
    database = openUnchanging(path)
    checkFormat(database, 'main')
    return new Snapshot(database)
  } catch (error) {
    database?.close()
    if (error instanceof ImportError) throw error
    throw new ImportError(`${path} is no snapshot of advisories`, { cause: error })
  }
}

class Snapshot implements OpenSnapshot {
  readonly info: SnapshotInfo
  readonly #database: Database
  readonly #ecosystems: ReadonlySet<string>
  readonly #sql: Record<
    'affecting' | 'advisory' | 'group' | 'cve' | 'scores' | 'kev' | 'epss' | 'packages',
    StatementSync
  >
  readonly #affecting = new Remembered<readonly Affected[]>()
  readonly #advisories = new Remembered<Advisory | null>()
  readonly #groups = new Remembered<readonly string[]>()
  readonly #cves = new Remembered<CveFacts | null>()

  constructor(database: Database) {
    this.#database = database
    this.info = readInfo(database)
    this.#ecosystems = new Set(ecosystemsOf(database))
    this.#sql = {
      affecting: database.prepare(
        'SELECT advisory, body FROM affected WHERE ecosystem = ? AND name = ? ORDER BY advisory, rid, n',
      ),
      advisory: database.prepare('SELECT modified, body FROM advisories WHERE id = ? AND withdrawn = 0 ORDER BY grp'),
      group: database.prepare('SELECT ids FROM alias_members JOIN alias_groups USING (grp) WHERE id = ?'),
      cve: database.prepare('SELECT title, description, published, updated FROM cves WHERE id = ?'),
      scores: database.prepare('SELECT source, version, vector, score, stated FROM scores WHERE cve = ?'),
      kev: database.prepare('SELECT since FROM kev WHERE cve = ?'),
      epss: database.prepare('SELECT probability, percentile FROM epss WHERE cve = ?'),
      packages: database.prepare(
        `SELECT DISTINCT f.ecosystem, f.name FROM advisories a JOIN affected f ON f.rid = a.rid WHERE a.id = ? ORDER BY 1, 2`,
      ),
    }
  }

  hasEcosystem(ecosystem: string): boolean {
    return this.#ecosystems.has(ecosystem)
  }

  affecting(ecosystem: string, name: string): readonly Affected[] {
    return this.#affecting.get(`${ecosystem}\n${name}`, () =>
      this.#sql.affecting.all(ecosystem, name).map((row) => {
        const [ranges, versions, status, vendorSeverity, module, scores] = JSON.parse(
          String(row['body']),
        ) as AffectedBody
        const one = { ranges, versions, status, vendorSeverity, module, ...(scores ? { scores } : {}) }
        return { advisory: String(row['advisory']), ecosystem, name, ...one }
      }),
    )
  }

  advisory(id: string): Advisory | null {
    return this.#advisories.get(id, () =>
      this.#sql.advisory
        .all(id)
        .map((row) => advisoryOf(id, Number(row['modified']), JSON.parse(String(row['body'])) as AdvisoryBody))
        .reduce<Advisory | null>((all, one) => (all === null ? one : merged(all, one)), null),
    )
  }

  aliasGroup(id: string): readonly string[] {
    return this.#groups.get(id, () => {
      const row = this.#sql.group.get(id)
      return row === undefined ? [id] : (JSON.parse(String(row['ids'])) as string[])
    })
  }

  cve(id: string): CveFacts | null {
    return this.#cves.get(id, () => {
      const [about, kev, epss] = [this.#sql.cve.get(id), this.#sql.kev.get(id), this.#sql.epss.get(id)]
      const scores = this.#sql.scores.all(id).map(scoreOfRow)
      if (!about && !kev && !epss && scores.length === 0) return null
      return {
        id,
        title: text(about?.['title']),
        description: text(about?.['description']),
        publishedAt: number(about?.['published']),
        updatedAt: number(about?.['updated']),
        scores,
        knownExploitedSince: number(kev?.['since']),
        epss: epss ? { probability: Number(epss['probability']), percentile: Number(epss['percentile']) } : null,
      }
    })
  }

  packagesOf(advisory: string): readonly { readonly ecosystem: string; readonly name: string }[] {
    return this.#sql.packages
      .all(advisory)
      .map((row) => ({ ecosystem: String(row['ecosystem']), name: String(row['name']) }))
  }

  packages(): readonly { readonly ecosystem: string; readonly name: string }[] {
    const rows = this.#database.prepare('SELECT DISTINCT ecosystem, name FROM affected').all()
    return rows.map((row) => ({ ecosystem: String(row['ecosystem']), name: String(row['name']) }))
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}

type AffectedBody = [AffectedRange[], string[], Affected['status'], string | null, string | null, Score[]?]
type AdvisoryBody = [string, string[], string | null, string | null, number | null, string[], Score[], string[]]

function advisoryOf(id: string, modified: number, body: AdvisoryBody): Advisory {
  const [source, aliases, summary, details, publishedAt, references, scores, covers] = body
  const modifiedAt = modified === 0 ? null : modified
  return { id, aliases, summary, details, publishedAt, modifiedAt, source, references, scores, covers }
}

/** One name in several lists (a CVE of several Debian sources, OSV's copy of a secdb entry): what one lacks, another has. */
function merged(one: Advisory, other: Advisory): Advisory {
  const both = (key: 'aliases' | 'references' | 'covers') => [...new Set([...one[key], ...other[key]])]
  const scores = new Map([...one.scores, ...other.scores].map((score) => [JSON.stringify(score), score]))
  const latest = Math.max(one.modifiedAt ?? 0, other.modifiedAt ?? 0)
  return {
    ...one,
    aliases: both('aliases').sort(),
    references: both('references'),
    covers: both('covers').sort(),
    scores: [...scores.values()],
    summary: one.summary ?? other.summary,
    details: one.details ?? other.details,
    publishedAt: one.publishedAt ?? other.publishedAt,
    modifiedAt: latest === 0 ? null : latest,
  }
}

/** One step for each ecosystem instead of one for each row. */
function ecosystemsOf(database: Database): string[] {
  const next = database.prepare('SELECT min(ecosystem) AS one FROM affected WHERE ecosystem > ?')
  const found: string[] = []
  for (let one = text(next.get('')?.['one']); one !== null; one = text(next.get(one)?.['one'])) found.push(one)
  return found
}

function readInfo(database: Database): SnapshotInfo {
  const about = database.prepare('SELECT id, created_at FROM snapshot').get()
  if (about === undefined) throw new ImportError('the snapshot is not whole')
  const sources = database.prepare('SELECT name, kind, records, newest, imported_at FROM sources ORDER BY name').all()
  return {
    id: String(about['id']),
    createdAt: Number(about['created_at']),
    sources: sources.map(
      (row): SourceState => ({
        name: String(row['name']),
        kind: String(row['kind']),
        records: Number(row['records']),
        newest: number(row['newest']),
        importedAt: Number(row['imported_at']),
      }),
    ),
  }
}

function scoreOfRow(row: Record<string, unknown>): Score {
  const vector = String(row['vector'])
  const [score, stated] = [number(row['score']), number(row['stated'])]
  return {
    source: String(row['source']),
    version: String(row['version']),
    vector: vector === '' ? null : vector,
    score,
    stated,
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** The newest few thousand answers; when it is full, it begins anew. */
class Remembered<Answer> {
  readonly #answers = new Map<string, Answer>()

  get(key: string, find: () => Answer): Answer {
    const known = this.#answers.get(key)
    if (known !== undefined || this.#answers.has(key)) return known as Answer
    const answer = find()
    if (this.#answers.size >= MOST_REMEMBERED) this.#answers.clear()
    this.#answers.set(key, answer)
    return answer
  }
}
