import type { Command, CommandContext } from './command.ts'
import { OPERATOR_COMMANDS } from './contract-operator.ts'
import { contractPath } from './contract-path.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm } from './password.ts'
import { SERVER, withServer } from './server.ts'
import { allOf } from './server-client.ts'
import { printList } from './table.ts'
import { durationOf, instantInWords } from './token-words.ts'

interface Contract {
  readonly contract: number
  readonly name: string
  readonly state: string
  readonly maxTokenLifetimeSeconds: number | null
  readonly createdAt: string
}

interface OwnContract {
  readonly contract: number
  readonly name: string
  readonly role: string
  readonly manageRegistry: boolean
}

const show = defineCommand({
  name: 'show',
  summary: 'show the contract in which you act',
  example: 'entrepot contract show',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) =>
      printContract(context, await server.get<Contract>('/api/v1/contract'), options.json),
    ),
})

const set = defineCommand({
  name: 'set',
  summary: 'rename the contract, or limit how long passwords of registry tokens work',
  about:
    'A limit holds within a second for the passwords that exist, too: each works so long after it was made. Rotating a token\n' +
    'starts a new term; entrepot token list shows when each ends.',
  example: 'entrepot contract set --max-token-lifetime 90d',
  positionals: [],
  options: {
    name: { type: 'string', value: '<name>', about: 'how it is called' },
    'max-token-lifetime': { type: 'string', value: '<time>', about: '12h, 90d, 8w or 1y; or none' },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      const { name } = options
      const maxTokenLifetimeSeconds = lifetimeOf(options['max-token-lifetime'])
      if (name === undefined && maxTokenLifetimeSeconds === undefined) {
        throw new UsageError('nothing to set: give --name or --max-token-lifetime')
      }
      const changed = await server.send<Contract>('PATCH', '/api/v1/contract', { name, maxTokenLifetimeSeconds })
      return printContract(context, changed, options.json)
    }),
})

const mine = defineCommand({
  name: 'mine',
  summary: 'list the contracts in which you can act',
  about: 'Choose one with --contract or ENTREPOT_CONTRACT; without it the first is meant.',
  example: 'entrepot contract mine',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      const { items } = await server.get<{ items: OwnContract[] }>('/api/v1/me/contracts')
      return printList(context, items, {
        json: options.json,
        headings: ['CONTRACT', 'NAME', 'ROLE', 'MAY'],
        cells: (row) => [
          String(row.contract),
          row.name,
          row.role,
          row.role !== 'member' || row.manageRegistry ? 'manages registries' : 'reads',
        ],
        empty: 'You are in no contract',
      })
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list all contracts of the installation; for operators',
  example: 'entrepot contract list',
  positionals: [],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) =>
      printList(context, await allOf(server.items<Contract>('/api/v1/contracts')), {
        json: options.json,
        headings: ['CONTRACT', 'NAME', 'STATE', 'SINCE'],
        cells: (row) => [String(row.contract), row.name, row.state, instantInWords(row.createdAt)],
        empty: 'No contracts',
      }),
    ),
})

interface Created extends Contract {
  readonly invitation: { readonly email: string; readonly expiresAt: string; readonly link: string }
}

const create = defineCommand({
  name: 'create',
  summary: 'make a contract and a link that invites its owner; for operators',
  example: 'entrepot contract create Acme --owner ann@example.com',
  positionals: ['name'],
  options: {
    owner: { type: 'string', value: '<email>', about: 'whom to invite as owner' },
    url: SERVER.url,
    ...JSON_OPTION,
  },
  run: ({ positionals: [name], options }, context) => {
    if (options.owner === undefined) throw new UsageError('--owner is missing: who shall own the contract?')
    const body = { name, ownerEmail: options.owner }
    return withServer({ ...options, contract: undefined }, context, async (server) => {
      const made = await server.send<Created>('POST', '/api/v1/contracts', body)
      if (options.json) return printJson(context, made)
      const { email, expiresAt, link } = made.invitation
      context.io.out(`Contract ${made.contract} (${made.name}) is made`)
      context.io.out(`Hand this link to ${email}; it works once, until ${instantInWords(expiresAt)}:\n  ${link}`)
      return 0
    })
  },
})

const suspend = stateCommand('suspend', 'suspended', 'shut a contract; nothing is lost; for operators')
const resume = stateCommand('resume', 'active', 'open a suspended contract again; for operators')

function stateCommand(name: string, state: string, summary: string): Command {
  return defineCommand({
    name,
    summary,
    example: `entrepot contract ${name} 2`,
    positionals: ['number'],
    options: { url: SERVER.url },
    run: ({ positionals: [number], options }, context) =>
      withServer({ ...options, contract: undefined }, context, async (server) => {
        const changed = await server.send<Contract>('PATCH', contractPath(number), { state })
        context.io.out(`Contract ${changed.contract} (${changed.name}) is ${changed.state}`)
        return 0
      }),
  })
}

const remove = defineCommand({
  name: 'delete',
  summary: 'delete a contract with all its registries: an own one as its owner, any as operator',
  about: 'Everybody in it is shut out within a second. What its registries hold is destroyed at the end of quarantine.',
  example: 'entrepot contract delete 2 --yes',
  positionals: ['number'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, url: SERVER.url, ...JSON_OPTION },
  run: async ({ positionals: [number], options }, context) => {
    const operatorPath = contractPath(number)
    const isOwn = await ownsContract(number, options.url, context)
    const path = isOwn ? '/api/v1/contract' : operatorPath
    return await withServer({ url: options.url, contract: isOwn ? number : undefined }, context, async (server) => {
      const { name } = await server.get<Contract>(path)
      const question = `This deletes contract ${number} (${name}) on ${server.url} and every image in it.`
      await confirm(context.io, question, name, options.yes)
      const gone = await server.send<{ registries: number; purgeAfter: string }>('DELETE', path)
      if (options.json) return printJson(context, gone)
      const until = instantInWords(gone.purgeAfter)
      context.io.out(`Contract ${number} is deleted with ${gone.registries} registries, destroyed after ${until}`)
      return 0
    })
  },
})

export const contractCommand: Command = defineGroup('contract', 'show and change contracts', [
  show,
  set,
  mine,
  list,
  create,
  suspend,
  resume,
  remove,
  ...OPERATOR_COMMANDS,
])

async function ownsContract(number: string, url: string | undefined, context: CommandContext): Promise<boolean> {
  let isOwn = false
  await withServer({ url, contract: undefined }, context, async (server) => {
    const { items } = await server.get<{ items: OwnContract[] }>('/api/v1/me/contracts')
    isOwn = items.some(({ contract, role }) => String(contract) === number && role === 'owner')
    return 0
  })
  return isOwn
}

/** @throws UsageError */
function lifetimeOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'none') return null
  const ms = durationOf(text)
  if (ms !== null && ms > 0) return ms / 1000
  throw new UsageError(`--max-token-lifetime ${text} is not valid: write 12h, 90d, 8w or 1y, or none`)
}

function printContract(context: CommandContext, contract: Contract, json: boolean): number {
  if (json) return printJson(context, contract)
  const seconds = contract.maxTokenLifetimeSeconds
  context.io.out(`Contract ${contract.contract} (${contract.name}) is ${contract.state}`)
  context.io.out(
    `  passwords of registry tokens work ${seconds === null ? 'without limit' : `at most ${inWords(seconds)}`}`,
  )
  return 0
}

function inWords(seconds: number): string {
  return seconds % 86_400 === 0 ? `${seconds / 86_400} days` : `${Math.round(seconds / 360) / 10} hours`
}
