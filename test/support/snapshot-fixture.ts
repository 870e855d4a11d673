import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AdvisoryIndex, CveFacts } from '../../src/scanner/advisories/advisory-index.ts'
import type { Record } from './advisory-fixture.ts'
import { indexOf } from './advisory-fixture.ts'

export interface Known {
  readonly records: readonly Record[]
  readonly createdAt?: number
  readonly cves?: readonly (Partial<CveFacts> & { readonly id: string })[]
}

/** What is known, as a file that `SNAPSHOT_FIXTURES` opens. */
export async function writeSnapshot(directory: string, known: Known): Promise<string> {
  const text = JSON.stringify(known)
  const path = join(directory, `${createHash('sha256').update(text).digest('hex')}.json`)
  await writeFile(path, text)
  return path
}

export const SNAPSHOT_FIXTURES = {
  openSnapshot(path: string): AdvisoryIndex {
    const text = readFileSync(path, 'utf8')
    const { records, cves, createdAt = 0 } = JSON.parse(text) as Known
    const id = `sha256:${createHash('sha256').update(text).digest('hex')}`
    return { ...indexOf(records, cves), info: { id, createdAt, sources: [] } }
  },
  diffSnapshots(before: string, after: string) {
    const [old, now] = [before, after].map((path) => JSON.parse(readFileSync(path, 'utf8')) as Known)
    const told = ({ records, cves = [] }: Known) =>
      records.map(
        (one) =>
          [
            { ecosystem: one.ecosystem, name: one.name },
            JSON.stringify([one, cves.find(({ id }) => id === one.id || one.aliases?.includes(id))]),
          ] as const,
      )
    const [left, right] = [told(old ?? { records: [] }), told(now ?? { records: [] })]
    const differs = (these: typeof left, those: typeof left) =>
      these.filter(([, text]) => !those.some(([, other]) => other === text)).map(([name]) => name)
    return { packages: [...differs(left, right), ...differs(right, left)] }
  },
}
