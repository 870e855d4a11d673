import type { Command } from './command.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { JSON_OPTION } from './local.ts'
import { SERVER, withServer } from './server.ts'
import type { Query, ServerClient } from './server-client.ts'
import { findRegistry } from './server-plane.ts'
import { printList } from './table.ts'
import { agoOf, instantInWords } from './token-words.ts'

interface AuditEvent {
  readonly id: string
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly address: string | null
  readonly outcome: string
  readonly count: number
  readonly detail: unknown
}

const DEFAULT_COUNT = 50

const FILTERS = {
  actor: { type: 'string', value: '<who>', about: 'an e-mail, token:ci, or key:laptop (ann@example.com)' },
  action: { type: 'string', value: '<what>', about: 'such as tag.delete, or how it begins, such as registry.' },
  subject: { type: 'string', value: '<text>', about: 'part of what it was done to, such as acme/team/app:v1' },
  registry: { type: 'string', value: '<name>', about: 'about this registry' },
  refused: { type: 'boolean', about: 'only what was refused' },
  from: { type: 'string', value: '<when>', about: 'not before: 12h, 30d ago, or a time' },
  to: { type: 'string', value: '<when>', about: 'before: likewise' },
  installation: { type: 'boolean', about: 'events of no contract, such as logins with unknown names; for operators' },
  ...SERVER,
} as const

interface Filters {
  readonly actor: string | undefined
  readonly action: string | undefined
  readonly subject: string | undefined
  readonly registry: string | undefined
  readonly refused: boolean
  readonly from: string | undefined
  readonly to: string | undefined
  readonly installation: boolean
}

const list = defineCommand({
  name: 'list',
  summary: 'say who did what, the newest first',
  example: 'entrepot audit list --action tag.delete --subject acme/team/app:v1',
  positionals: [],
  options: {
    ...FILTERS,
    limit: { type: 'string', value: '<count>', about: `how many events at most; default ${DEFAULT_COUNT}` },
    ...JSON_OPTION,
  },
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      const count = countOf(options.limit)
      const query = { ...(await queryOf(server, options, context.now())), limit: Math.min(count, 500) }
      const events: AuditEvent[] = []
      for await (const event of server.items<AuditEvent>('/api/v1/audit', query)) {
        if (events.push(event) === count) break
      }
      return printList(context, events, {
        json: options.json,
        headings: ['WHEN', 'WHO', 'WHAT', 'TO WHAT', 'FROM'],
        cells: (row) => [
          instantInWords(row.at),
          row.actor,
          row.outcome === 'ok' ? row.action : `${row.action} refused${row.count > 1 ? ` ${row.count} times` : ''}`,
          row.subject,
          row.address ?? 'the machine itself',
        ],
        empty: 'Nothing of that kind happened',
      })
    }),
})

const exportAll = defineCommand({
  name: 'export',
  summary: 'print the audit log, one JSON object per line',
  example: 'entrepot audit export --from 30d > audit.ndjson',
  positionals: [],
  options: FILTERS,
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      await context.io.pour(server.stream('/api/v1/audit/export', await queryOf(server, options, context.now())))
      return 0
    }),
})

export const auditCommand: Command = defineGroup('audit', 'find out who did what', [list, exportAll])

async function queryOf(server: ServerClient, filters: Filters, now: number): Promise<Query> {
  const { actor, action, subject, registry, refused, from, to, installation } = filters
  return {
    actor,
    action,
    subject,
    registry: registry === undefined ? undefined : (await findRegistry(server, registry)).id,
    outcome: refused ? 'refused' : undefined,
    from: from === undefined ? undefined : agoOf(from, now),
    to: to === undefined ? undefined : agoOf(to, now),
    ofInstallation: installation ? true : undefined,
  }
}

function countOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_COUNT
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new UsageError(`--limit ${text} is not valid: write a whole number from 1 to 999999`)
}
