import { hash } from 'node:crypto'
import type { NewJudgedPackage } from '../metadata/tables/judged-packages.ts'
import type { Inventory, InventoryPackage } from '../scanner/facts.ts'
import type { JudgedSubject } from '../scanner/matching/judge-package.ts'
import type { Judgeable } from '../scanner/matching/match.ts'
import { judgeables } from '../scanner/matching/match.ts'

/** A package as it is interned: what images have in common, whatever layer and file it came in. */
export interface Interned {
  readonly row: NewJudgedPackage
  readonly subjects: readonly JudgedSubject[]
}

/** What the image holds, as advisories see it. Each once. */
export function packagesOf(inventory: Inventory): Interned[] {
  const all = new Map<string, Interned>()
  for (const judgeable of judgeables(inventory)) {
    const key = packageKey(judgeable)
    if (!all.has(key)) all.set(key, { subjects: judgeable.subjects, row: rowOf(key, judgeable) })
  }
  return [...all.values()]
}

function rowOf(key: string, { one, subjects }: Judgeable): NewJudgedPackage {
  const { ecosystem = '', module = null } = subjects[0] ?? {}
  return {
    ...{ key, ecosystem, module },
    subjects: JSON.stringify(subjects.map(({ name, version }) => [name, version])),
    label: labelOf(one),
    asked: [...new Set(subjects.map(({ name }) => subjectKey(ecosystem, name)))],
  }
}

/** Of a row, as it was. */
export function subjectsOfRow({
  ecosystem,
  subjects,
  module,
}: Pick<NewJudgedPackage, 'ecosystem' | 'subjects' | 'module'>): JudgedSubject[] {
  return (JSON.parse(subjects) as [string, string][]).map(([name, version]) => ({ ecosystem, name, version, module }))
}

export function packageKey({ one, subjects }: Judgeable): string {
  const parts = subjects.map(({ ecosystem, name, version, module }) => [ecosystem, name, version, module])
  return hash('sha256', JSON.stringify([labelOf(one), parts]), 'base64url')
}

export function subjectKey(ecosystem: string, name: string): string {
  return hash('sha256', JSON.stringify([ecosystem, name]), 'base64url')
}

/** What people call it: `deb debian/libssl3 3.0.11-1`. */
function labelOf({ type, namespace, name, version }: InventoryPackage): string {
  return `${type} ${namespace === null ? name : `${namespace}/${name}`} ${version}`
}
