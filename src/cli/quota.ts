import { bytesInWords, parseBytes } from './bytes-in-words.ts'
import type { Command, CommandContext } from './command.ts'
import { contractPath } from './contract-path.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { SERVER, withServer } from './server.ts'
import { findRegistry } from './server-plane.ts'

export interface Quota {
  readonly limitBytes: number | null
  readonly usedBytes: number
  readonly reservedBytes: number
  readonly freeBytes: number | null
}

const EFFECT =
  'The size is such as 500MB, 50GiB or 1.5TiB; none takes the limit away. What is stored stays; a push that would exceed the\n' +
  'limit is refused. It holds within a second.'

const show = defineCommand({
  name: 'show',
  summary: 'how much a registry may store, and what is left of it',
  example: 'entrepot quota show acme',
  positionals: ['registry'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, name)
      const quota = await server.get<Quota>(`/api/v1/registries/${id}/quota`)
      return print(context, `registry ${name}`, quota, options.json)
    }),
})

const set = defineCommand({
  name: 'set',
  summary: 'limit what a registry may store',
  about: EFFECT,
  example: 'entrepot quota set acme 50GiB',
  positionals: ['registry', 'size'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [name, size], options }, context) => {
    const body = { limitBytes: limitOf(size) }
    return withServer(options, context, async (server) => {
      const { id } = await findRegistry(server, name)
      const quota = await server.send<Quota>('PUT', `/api/v1/registries/${id}/quota`, body)
      return print(context, `registry ${name}`, quota, options.json)
    })
  },
})

const showContract = defineCommand({
  name: 'show-contract',
  summary: 'how much a contract may store in all its registries; of others for operators',
  example: 'entrepot quota show-contract 1',
  positionals: ['number'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [number], options }, context) =>
    withServer(options, context, async (server) => {
      const quota = await server.get<Quota>(`${contractPath(number)}/quota`)
      return print(context, `contract ${number}`, quota, options.json)
    }),
})

const setContract = defineCommand({
  name: 'set-contract',
  summary: 'limit what a contract may store in all its registries; for operators',
  about: EFFECT,
  example: 'entrepot quota set-contract 2 1TiB',
  positionals: ['number', 'size'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [number, size], options }, context) => {
    const body = { limitBytes: limitOf(size) }
    return withServer(options, context, async (server) => {
      const quota = await server.send<Quota>('PUT', `${contractPath(number)}/quota`, body)
      return print(context, `contract ${number}`, quota, options.json)
    })
  },
})

export const quotaCommand: Command = defineGroup('quota', 'limit what registries and contracts may store', [
  show,
  set,
  showContract,
  setContract,
])

export function quotaInWords({ limitBytes, usedBytes, reservedBytes, freeBytes }: Quota): string {
  const reserved = reservedBytes > 0 ? ` and ${bytesInWords(reservedBytes)} reserved by open uploads` : ''
  const used = `${bytesInWords(usedBytes)} used${reserved}`
  return limitBytes === null || freeBytes === null
    ? `no limit, ${used}`
    : `${bytesInWords(limitBytes)}: ${used}, ${bytesInWords(freeBytes)} free`
}

function print(context: CommandContext, whose: string, quota: Quota, json: boolean): number {
  if (json) return printJson(context, quota)
  context.io.out(`Quota of ${whose}: ${quotaInWords(quota)}`)
  return 0
}

function limitOf(size: string): number | null {
  return size === 'none' ? null : parseBytes(size, ', or none')
}
