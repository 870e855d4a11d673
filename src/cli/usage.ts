import { bytesInWords } from './bytes-in-words.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import type { Quota } from './quota.ts'
import { quotaInWords } from './quota.ts'
import { SERVER, withServer } from './server.ts'
import { findRegistry } from './server-plane.ts'
import { table } from './table.ts'

interface Figures {
  readonly liveBytes: number
  readonly quarantinedBytes: number
  readonly reclaimableBytes: number
}

interface Day {
  readonly day: string
  readonly pulls: number
  readonly pushes: number
  /** Of registries only. */
  readonly bytes?: Figures | null
}

interface ContractUsage extends Figures {
  readonly registries: number
  readonly quota: Quota
}

interface RegistryUsage extends Figures {
  readonly quota: Quota
  readonly days: readonly Day[]
}

const SPAN = {
  from: { type: 'string', value: '<day>', about: 'the first day, YYYY-MM-DD; default: 30 days before the last' },
  to: { type: 'string', value: '<day>', about: 'the last day; default: today' },
} as const

const contract = defineCommand({
  name: 'contract',
  summary: 'how much your contract stores',
  example: 'entrepot usage contract',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      const usage = await server.get<ContractUsage>('/api/v1/usage')
      if (options.json) return printJson(context, usage)
      context.io.out(`registries   ${usage.registries}`)
      printFigures(context, usage)
      context.io.out(`quota        ${quotaInWords(usage.quota)}`)
      return 0
    }),
})

const registry = defineCommand({
  name: 'registry',
  summary: 'how much a registry stores, and how much it is pulled and pushed day by day',
  example: 'entrepot usage registry acme --from 2026-01-01 --to 2026-01-31',
  positionals: ['registry'],
  options: { ...SPAN, ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, name)
      const { from, to } = options
      const usage = await server.get<RegistryUsage>(`/api/v1/registries/${id}/usage`, { from, to })
      if (options.json) return printJson(context, usage)
      printFigures(context, usage)
      context.io.out(`quota        ${quotaInWords(usage.quota)}\n`)
      return printDays(context, usage.days)
    }),
})

const repository = defineCommand({
  name: 'repository',
  summary: 'how much a repository is pulled and pushed day by day',
  example: 'entrepot usage repository acme team/app',
  positionals: ['registry', 'repository'],
  options: { ...SPAN, ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [registryName, name], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, registryName)
      const path = `/api/v1/registries/${id}/repositories/${encodeURIComponent(name)}/usage`
      const { from, to } = options
      const usage = await server.get<{ days: Day[] }>(path, { from, to })
      return options.json ? printJson(context, usage) : printDays(context, usage.days)
    }),
})

export const usageCommand: Command = defineGroup('usage', 'how much is stored, pulled and pushed', [
  contract,
  registry,
  repository,
])

function printFigures({ io }: CommandContext, { liveBytes, quarantinedBytes, reclaimableBytes }: Figures): void {
  io.out(`live         ${bytesInWords(liveBytes)}`)
  io.out(`reclaimable  ${bytesInWords(reclaimableBytes)} of that, which no image refers to`)
  io.out(`quarantined  ${bytesInWords(quarantinedBytes)} deleted, can still be restored`)
}

function printDays({ io }: CommandContext, days: readonly Day[]): number {
  const rows = days.map(({ day, pulls, pushes, bytes }) => {
    return [day, String(pulls), String(pushes), ...(bytes ? [bytesInWords(bytes.liveBytes)] : [])]
  })
  const hasBytes = days.some(({ bytes }) => bytes !== undefined)
  io.out(table(['DAY', 'PULLS', 'PUSHES', ...(hasBytes ? ['LIVE'] : [])], rows))
  return 0
}
