import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION } from './local.ts'
import { SERVER, withServer } from './server.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

interface Session {
  readonly id: string
  readonly contract: number
  readonly lastUsedAt: string
  readonly expiresAt: string
  readonly address: string | null
  readonly userAgent: string | null
  readonly current: boolean
}

const list = defineCommand({
  name: 'list',
  summary: 'list where you are logged in',
  example: 'entrepot session list',
  positionals: [],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const { items } = await server.get<{ items: Session[] }>('/api/v1/sessions')
      return printList(context, items, {
        json: options.json,
        headings: ['LAST USED', 'FROM', 'EXPIRES', 'ID', ''],
        cells: (row) => [
          instantInWords(row.lastUsedAt),
          row.address ?? '',
          instantInWords(row.expiresAt),
          row.id,
          row.current ? 'this one' : (row.userAgent ?? ''),
        ],
        empty: 'No sessions',
      })
    }),
})

const end = defineCommand({
  name: 'end',
  summary: 'end one of your sessions',
  example: 'entrepot session end 6f1c7f0a-4f0e-4b57-9d0c-2c1f3f7d9a11',
  positionals: ['id'],
  options: { url: SERVER.url },
  run: ({ positionals: [id], options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      await server.send('DELETE', `/api/v1/sessions/${encodeURIComponent(id)}`)
      context.io.out(`Session ${id} is ended`)
      return 0
    }),
})

const endOthers = defineCommand({
  name: 'end-others',
  summary: 'log out everywhere else',
  example: 'entrepot session end-others',
  positionals: [],
  options: { url: SERVER.url },
  run: ({ options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const { ended } = await server.send<{ ended: number }>('DELETE', '/api/v1/sessions')
      context.io.out(`${ended} other ${ended === 1 ? 'session is' : 'sessions are'} ended`)
      return 0
    }),
})

export const sessionCommand: Command = defineGroup('session', 'list and end your sessions at a server', [
  list,
  end,
  endOthers,
])
