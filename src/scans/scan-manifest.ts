import type { ScanSubject } from '../metadata/tables/scans.ts'
import { edgesOf, findScan, scanSubject } from '../metadata/tables/scans.ts'
import type { Advisories } from './advisories.ts'
import type { ScansDeps } from './deps.ts'
import type { Attempt } from './handler.ts'
import type { Evidence } from './judge.ts'
import { judge } from './judge.ts'
import { readImage, Unreadable } from './read-image.ts'
import { ChildError } from './run-child.ts'
import { scanIndex } from './scan-index.ts'
import type { Kind } from './what-it-is.ts'
import { whatItIs } from './what-it-is.ts'

type Deps = ScansDeps & { readonly advisories: Advisories }

/** Product.md 7: such names are allowed, and not scanned. */
const SHORTEST_NAME = 2
const LONGEST_NAME = 255
/** A process that dies while reading a layer may have been unlucky once. */
const TRIES = 2

export function isScannable({ scanning_enabled, repository }: Pick<ScanSubject, 'scanning_enabled' | 'repository'>) {
  return scanning_enabled === 1 && repository.length >= SHORTEST_NAME && repository.length <= LONGEST_NAME
}

type Try = Pick<Attempt, 'number' | 'isLast' | 'signal'> & { readonly waited: number }

/**
 * One try at one manifest; its verdict is written unless it is to be tried again. The last try begins with the verdict that
 * stands when it comes to nothing, also by the end of this process.
 */
export async function scanManifest(deps: Deps, manifestId: number, attempt: Try): Promise<void> {
  const { metadata } = deps
  const found = await metadata.read(async (sql) => {
    const subject = await scanSubject(sql, manifestId)
    return subject && { subject, edges: await edgesOf(sql, manifestId) }
  })
  if (found === null || !isScannable(found.subject)) return
  const { subject, edges } = found
  if (attempt.isLast && (await metadata.read((sql) => findScan(sql, manifestId))) === null)
    await judge(deps, subject, GIVEN_UP)
  const kind = whatItIs(subject.media_type, edges)
  if (kind.kind === 'index') await scanIndex(deps, subject, attempt.waited)
  else await judge(deps, subject, await evidenceOf(deps, subject, kind, attempt))
}

/** Not the image's fault: it is tried again a day later (backlog.ts). */
const GIVEN_UP = {
  inventory: null,
  status: 'unknown',
  reason:
    'it could not be scanned: this installation failed at it several times, and tries again within a day or when asked to',
  isGivenUp: true,
} as const

/** Its author may have made it so, or others left no time for it. */
const OVERDUE = {
  ...GIVEN_UP,
  reason:
    'reading it takes longer than a scan may: this installation has too little time for it, and tries again within a day or when asked to',
}

async function evidenceOf(
  deps: Deps,
  subject: ScanSubject,
  kind: Exclude<Kind, { readonly kind: 'index' }>,
  { number, signal }: Try,
): Promise<Evidence> {
  if (kind.kind !== 'image') return { inventory: null, status: kind.kind, reason: kind.reason }
  try {
    const inventory = await readImage(deps, subject, kind, signal)
    return { inventory, lowestLayer: kind.layers[0]?.digest ?? null, isNew: true }
  } catch (error) {
    if (number >= TRIES && isOverdue(signal)) return OVERDUE
    const isFinal = error instanceof Unreadable || (error instanceof ChildError && number >= TRIES)
    if (!isFinal) throw error
    return { inventory: null, status: 'unknown', reason: error.message }
  }
}

function isOverdue({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof DOMException && reason.name === 'TimeoutError'
}
