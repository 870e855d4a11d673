import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION } from './local.ts'
import { confirm } from './password.ts'
import { SERVER, withServer } from './server.ts'
import { allOf } from './server-client.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

// What an installation does by itself; for operators.

interface Schedule {
  readonly name: string
  readonly running: boolean
  readonly nextRunAt: string
  readonly lastRunAt: string | null
  readonly lastError: string | null
}

interface Job {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly runAfter: string
  readonly attempts: number
  readonly maxAttempts: number
  readonly lastError: string | null
}

const NO_CONTRACT = { contract: undefined } as const

const schedules = defineCommand({
  name: 'schedules',
  summary: 'list what is done from time to time, and how it went',
  example: 'entrepot job schedules',
  positionals: [],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer({ ...options, ...NO_CONTRACT }, context, async (server) => {
      const { items } = await server.get<{ items: Schedule[] }>('/api/v1/schedules')
      return printList(context, items, {
        json: options.json,
        headings: ['NAME', 'NEXT', 'LAST', 'RESULT'],
        cells: (row) => [
          row.name,
          row.running ? 'running' : instantInWords(row.nextRunAt),
          instantInWords(row.lastRunAt),
          row.lastError ?? (row.lastRunAt === null ? '' : 'ok'),
        ],
        empty: 'No schedules',
      })
    }),
})

const run = defineCommand({
  name: 'run',
  summary: 'do now what is otherwise done from time to time',
  example: 'entrepot job run "remove objects"',
  positionals: ['schedule'],
  options: { url: SERVER.url },
  run: ({ positionals: [name], options }, context) =>
    withServer({ ...options, ...NO_CONTRACT }, context, async (server) => {
      await server.send('POST', `/api/v1/schedules/${encodeURIComponent(name)}/run`)
      context.io.out(`${name} begins within a second or two, unless it runs already`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list what is to be done once, or failed',
  example: 'entrepot job list --state dead',
  positionals: [],
  options: {
    state: { type: 'string', value: '<state>', about: 'ready, running, or dead: failed as often as it may' },
    url: SERVER.url,
    ...JSON_OPTION,
  },
  run: ({ options }, context) =>
    withServer({ ...options, ...NO_CONTRACT }, context, async (server) =>
      printList(context, await allOf(server.items<Job>('/api/v1/jobs', { state: options.state })), {
        json: options.json,
        headings: ['ID', 'KIND', 'STATE', 'TRIED', 'NEXT', 'ERROR'],
        cells: (row) => [
          row.id,
          row.kind,
          row.state,
          `${row.attempts} of ${row.maxAttempts}`,
          instantInWords(row.runAfter),
          row.lastError ?? '',
        ],
        empty: 'Nothing is to be done',
      }),
    ),
})

const retry = defineCommand({
  name: 'retry',
  summary: 'try a dead job again',
  example: 'entrepot job retry 17',
  positionals: ['id'],
  options: { url: SERVER.url },
  run: ({ positionals: [id], options }, context) =>
    withServer({ ...options, ...NO_CONTRACT }, context, async (server) => {
      await server.send('POST', `/api/v1/jobs/${encodeURIComponent(id)}/retry`)
      context.io.out(`Job ${id} is tried again`)
      return 0
    }),
})

const remove = defineCommand({
  name: 'delete',
  summary: 'give a job up',
  example: 'entrepot job delete 17 --yes',
  positionals: ['id'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, url: SERVER.url },
  run: ({ positionals: [id], options }, context) =>
    withServer({ ...options, ...NO_CONTRACT }, context, async (server) => {
      await confirm(context.io, `This gives job ${id} up: it will not be done.`, id, options.yes)
      await server.send('DELETE', `/api/v1/jobs/${encodeURIComponent(id)}`)
      context.io.out(`Job ${id} is given up`)
      return 0
    }),
})

export const jobCommand: Command = defineGroup(
  'job',
  'see and steer what the installation does by itself; for operators',
  [schedules, run, list, retry, remove],
)
