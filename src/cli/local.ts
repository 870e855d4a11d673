import { OPERATOR } from '../accounts/deps.ts'
import type { Config } from '../config/config.ts'
import { DomainError } from '../domain/error.ts'
import type { Actor } from '../registries/deps.ts'
import { publicHost } from '../registries/hostname.ts'
import type { CommandContext, LocalApp } from './command.ts'
import type { OptionSpec } from './define.ts'
import { UsageError } from './define.ts'

// What the commands share that act on the data directly.

/** Whoever may run commands here has the disk. In place of a person's e-mail and id stand these. */
const NOBODY = { email: OPERATOR.label, userId: '00000000-0000-0000-0000-000000000000' }

export const WHERE = {
  config: { type: 'string', value: '<file>', about: 'file with settings (ENTREPOT_CONFIG)' },
  data: { type: 'string', value: '<directory>', about: 'data directory (ENTREPOT_DATA)' },
} as const satisfies Record<string, OptionSpec>

export const CONTRACT = {
  ...WHERE,
  contract: { type: 'string', value: '<number>', about: 'whose registries or users; default 1' },
} as const satisfies Record<string, OptionSpec>

export const JSON_OPTION = { json: { type: 'boolean', about: 'print JSON' } } as const satisfies Record<
  string,
  OptionSpec
>

export interface Where {
  readonly config: string | undefined
  readonly data: string | undefined
}

export interface Local {
  readonly app: LocalApp
  readonly config: Config
  /** How clients reach the server: host and port. */
  readonly host: string
}

/** @throws ConfigError */
export async function configOf(where: Where, { env }: CommandContext): Promise<Config> {
  const { loadConfig } = await import('../config/load.ts') // a tenth of a second that --help need not wait for
  return loadConfig(withOptions(env, where))
}

export function withOptions(env: CommandContext['env'], { config, data }: Where): CommandContext['env'] {
  return {
    ...env,
    ...(config === undefined ? {} : { ENTREPOT_CONFIG: config }),
    ...(data === undefined ? {} : { ENTREPOT_DATA: data }),
  }
}

/** Opens the installation for one act and closes it again. */
export async function withLocal(
  where: Where,
  context: CommandContext,
  act: (local: Local) => Promise<number>,
): Promise<number> {
  const config = await configOf(where, context)
  await using app = await context.openLocal(config)
  return await act({ app, config, host: publicHost(app.naming, listenHost(config)) })
}

/** The same, acting in one contract. @throws `not_found` when it does not exist. */
export async function withContract(
  where: Where & { readonly contract: string | undefined },
  context: CommandContext,
  act: (local: Local, actor: Actor) => Promise<number>,
): Promise<number> {
  const contractId = contractNumber(where.contract)
  return await withLocal(where, context, async (local) => {
    if ((await local.app.contract(contractId)) === null) {
      const why =
        contractId === 1
          ? 'start the server once: that makes it, with its first owner'
          : 'write the number of one that does'
      throw new DomainError('not_found', `contract ${contractId} does not exist: ${why}`)
    }
    return await act(local, { ...OPERATOR, ...NOBODY, contractId, registryIds: null })
  })
}

export function printJson({ io }: CommandContext, value: unknown): number {
  io.out(JSON.stringify(value, null, 2))
  return 0
}

function contractNumber(text: string | undefined): number {
  if (text === undefined) return 1
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new UsageError(`--contract ${text} is not valid: write the number of a contract`)
}

/** A server that listens everywhere is reached here by the loopback address. */
function listenHost({ listen: { host, port } }: Config): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
