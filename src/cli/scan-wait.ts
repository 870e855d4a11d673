import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import type { CommandContext } from './command.ts'
import { UsageError } from './define.ts'
import type { ReportInfo, ScanPlane } from './scan-plane.ts'
import { ServerError } from './server-client.ts'

const FIRST_POLL_MS = 150
const LONGEST_POLL_MS = 2_000
/** Somebody who waits is told so that often. */
const WORD_MS = 10_000

export interface Waiting {
  /** Also when the report is up to date. */
  readonly force: boolean
  readonly wait: boolean
  readonly timeoutMs: number
}

/** A report by what is known now. `isDone`: false where it was not waited for, or not long enough. */
export async function freshReport(
  plane: ScanPlane,
  reference: string,
  waiting: Waiting,
  context: CommandContext,
): Promise<{ readonly report: ReportInfo; readonly isDone: boolean }> {
  const before = await plane.report(reference)
  if (before.upToDate && !waiting.force) return { report: before, isDone: true }
  const { digest } = before
  const refused = await ask(plane, digest, waiting.force)
  if (refused !== null && !(refused.mayCome && before.scannedAt === null)) {
    context.io.err(`No scan was asked for: ${refused.message}`)
    return { report: before, isDone: true }
  }
  if (!waiting.wait) {
    context.io.err(`A scan is asked for: ${plane.whoElse}`)
    return { report: before, isDone: false }
  }
  context.io.err(`Scanning ${plane.name}@${digest}`)
  await using _work = await plane.work(context.io.err)
  return await poll(plane, before, waiting, context)
}

/** Null: it is asked for. `mayCome`: whoever may not ask gets one for each push all the same. */
async function ask(
  plane: ScanPlane,
  digest: string,
  force: boolean,
): Promise<{ readonly message: string; readonly mayCome: boolean } | null> {
  try {
    await plane.scan(digest)
    return null
  } catch (error) {
    const isForbidden = error instanceof ServerError && error.status === 403
    const isOff =
      (error instanceof ServerError && error.status === 409) ||
      (error instanceof DomainError && error.kind === 'conflict')
    if (force || !(error instanceof Error && (isForbidden || isOff))) throw error
    return { message: error.message, mayCome: isForbidden }
  }
}

async function poll(plane: ScanPlane, before: ReportInfo, { force, timeoutMs }: Waiting, { io }: CommandContext) {
  const start = performance.now()
  let toldAt = start
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 1.3, LONGEST_POLL_MS)) {
    await sleep(pause)
    const report = await plane.report(before.digest)
    if (report.upToDate && (!force || isNew(report, before))) return { report, isDone: true }
    const now = performance.now()
    if (now - start >= timeoutMs) return { report, isDone: false }
    if (now - toldAt < WORD_MS) continue
    toldAt = now
    io.err(`Still scanning, ${Math.round((now - start) / 1000)} s of ${Math.round(timeoutMs / 1000)} s`)
  }
}

/** All of it was looked at again. */
function isNew(report: ReportInfo, before: ReportInfo): boolean {
  const old = new Map(before.images.map(({ digest, scannedAt }) => [digest, scannedAt]))
  const isOld = ({ digest, scannedAt }: ReportInfo['images'][number]) =>
    scannedAt !== null && scannedAt === old.get(digest)
  return report.scannedAt !== before.scannedAt && !report.images.some(isOld)
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const
const LONGEST_MS = 24 * UNITS.h

/** `90s`, `5m`, `1h`. @throws UsageError */
export function parseTimeout(text: string): number {
  const [, count, unit] = /^(\d{1,5})([smh])$/.exec(text) ?? []
  const ms = unit === undefined ? Number.NaN : Number(count) * UNITS[unit as keyof typeof UNITS]
  if (ms <= LONGEST_MS) return ms
  throw new UsageError(`--timeout ${text} is not valid: write such as 90s, 5m or 1h, at most 24h`)
}
