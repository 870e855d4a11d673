import type { CommandContext } from './command.ts'
import { printJson } from './local.ts'
import type { ServerClient } from './server-client.ts'
import { ServerError } from './server-client.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

// The advisories of a server: everybody may know how old they are, operators whom it asks and what went wrong.

export interface AdvisoriesInfo {
  readonly snapshot: string | null
  readonly createdAt: string | null
  readonly installedAt: string | null
  readonly reevaluated: boolean
  readonly stale: boolean
  readonly sources: readonly {
    readonly name: string
    readonly kind: string
    readonly records: number
    readonly newest: string | null
    readonly importedAt: string
    readonly checkedAt: string
    readonly stale: boolean
  }[]
}

export interface AskedInfo {
  readonly name: string
  readonly lastSuccessAt: string | null
  readonly lastError: string | null
  readonly failures: number
  readonly nextAttemptAt: string
  readonly stale: boolean
}

export const NONE_YET =
  'no advisories: without them nothing can be said of any image. Import some: entrepot advisories import <path>'

export async function listOnServer(server: ServerClient, context: CommandContext, json: boolean): Promise<number> {
  const { sources } = await server.get<AdvisoriesInfo>('/api/v1/advisories')
  return printList(context, sources, {
    json,
    headings: ['SOURCE', 'KIND', 'RECORDS', 'NEWEST', 'CHECKED', 'STATE'],
    cells: (source) => [
      source.name,
      source.kind,
      String(source.records),
      source.newest === null ? '-' : source.newest.slice(0, 10),
      instantInWords(source.checkedAt),
      source.stale ? 'stale' : 'ok',
    ],
    empty: NONE_YET,
  })
}

/** Exit code 1 when there are none. */
export async function statusOnServer(server: ServerClient, context: CommandContext, json: boolean): Promise<number> {
  const state = await server.get<AdvisoriesInfo>('/api/v1/advisories')
  const asked = await askedOn(server)
  const code = state.snapshot === null ? 1 : 0
  if (json) {
    printJson(context, { ...state, asked })
    return code
  }
  const { io } = context
  if (state.snapshot === null) io.out('no advisories: images stay Unknown until some come')
  else {
    io.out(`snapshot  ${state.snapshot}`)
    io.out(`in force  since ${instantInWords(state.installedAt)}${state.stale ? '; some of it is stale' : ''}`)
    if (!state.reevaluated) io.out('images   not all in use were judged by it yet')
    io.out(
      `holds     ${state.sources.reduce((sum, { records }) => sum + records, 0)} records of ${state.sources.length} sources`,
    )
  }
  printAsked(context, asked ?? [])
  return code
}

/** Null: whoever asks is no operator. */
async function askedOn(server: ServerClient): Promise<readonly AskedInfo[] | null> {
  try {
    return (await server.get<{ items: AskedInfo[] }>('/api/v1/advisories/sources')).items
  } catch (error) {
    if (error instanceof ServerError && error.status === 403) return null
    throw error
  }
}

/** Those that went wrong, each with why. */
export function printAsked({ io }: CommandContext, asked: readonly AskedInfo[]): void {
  if (asked.length > 0) io.out(`fetched   ${asked.map(({ name }) => name).join(', ')}`)
  for (const { name, lastError, failures, nextAttemptAt, stale, lastSuccessAt } of asked) {
    if (stale) io.err(`${name} is stale: last heard of ${instantInWords(lastSuccessAt)}`)
    if (lastError === null) continue
    const often = failures > 1 ? ` (${failures} times in a row; next: ${instantInWords(nextAttemptAt)})` : ''
    io.err(`${name}: ${lastError}${often}`)
  }
}
