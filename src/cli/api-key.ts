import { DomainError } from '../domain/error.ts'
import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm } from './password.ts'
import type { UseInfo } from './plane.ts'
import { SERVER, withServer } from './server.ts'
import { allOf } from './server-client.ts'
import { findRegistry } from './server-plane.ts'
import { printList } from './table.ts'
import { expiryOf, instantInWords, useInWords } from './token-words.ts'

interface ApiKey {
  readonly id: string
  readonly name: string
  readonly owner: { readonly email: string }
  readonly readOnly: boolean
  readonly registries: readonly string[] | null
  readonly actions: readonly string[] | null
  readonly expiresAt: string | null
  readonly lastUsed: UseInfo | null
}

const KEYS = '/api/v1/api-keys'

const create = defineCommand({
  name: 'create',
  summary: 'make an API key for yourself; it is shown once',
  about:
    'It may what you may, less what the options take away. Give it to programs as ENTREPOT_API_KEY or Authorization: Bearer, and to\n' +
    'docker login as the password, with your e-mail as user name.',
  example: 'entrepot key create laptop --expires 90d --read-only',
  positionals: ['name'],
  options: {
    expires: { type: 'string', value: '<when>', about: 'in 12h, 30d, 8w or 1y, or a time; default: never' },
    'read-only': { type: 'boolean', about: 'it changes nothing' },
    registry: { type: 'string', value: '<name>', multiple: true, about: 'opens only this registry' },
    action: {
      type: 'string',
      value: '<action>',
      multiple: true,
      about: 'only pull, push or delete; then it manages nothing',
    },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ positionals: [name], options }, context) =>
    withServer(options, context, async (server) => {
      const registries: string[] = []
      for (const registry of options.registry) registries.push((await findRegistry(server, registry)).id)
      const body = {
        name,
        expiresAt: options.expires === undefined ? null : expiryOf(options.expires, context.now()),
        readOnly: options['read-only'],
        registries: registries.length > 0 ? registries : null,
        actions: options.action.length > 0 ? options.action : null,
      }
      const made = await server.send<ApiKey & { readonly secret: string }>('POST', KEYS, body)
      if (options.json) return printJson(context, made)
      context.io.out(`API key ${made.name} is made: ${mayInWords(made)}, ends ${instantInWords(made.expiresAt)}`)
      context.io.out(`  ${made.secret}   (shown only now)`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list your API keys; for owners and admins those of the whole contract',
  example: 'entrepot key list',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) =>
      printList(context, await allOf(server.items<ApiKey>(KEYS)), {
        json: options.json,
        headings: ['NAME', 'OF', 'MAY', 'EXPIRES', 'LAST USED', 'ID'],
        cells: (key) => [
          key.name,
          key.owner.email,
          mayInWords(key),
          instantInWords(key.expiresAt),
          useInWords(key.lastUsed),
          key.id,
        ],
        empty: 'No API keys yet: entrepot key create <name> makes one',
      }),
    ),
})

const revoke = defineCommand({
  name: 'revoke',
  summary: 'end an API key for good',
  example: 'entrepot key revoke laptop --yes',
  positionals: ['name or id'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...SERVER },
  run: ({ positionals: [which], options }, context) =>
    withServer(options, context, async (server) => {
      const found = (await allOf(server.items<ApiKey>(KEYS))).filter(({ id, name }) => id === which || name === which)
      const [key, another] = found
      if (!key) throw new DomainError('not_found', `there is no API key "${which}": entrepot key list shows which are`)
      if (another) throw new DomainError('conflict', `several people have an API key "${which}": give the id instead`)
      const question = `This ends API key ${key.name} of ${key.owner.email}: whoever uses it is out.`
      await confirm(context.io, question, key.name, options.yes)
      await server.send('DELETE', `${KEYS}/${key.id}`)
      context.io.out(`API key ${key.name} of ${key.owner.email} is revoked`)
      return 0
    }),
})

export const apiKeyCommand: Command = defineGroup('key', 'make, list and revoke API keys', [create, list, revoke])

function mayInWords({ readOnly, registries, actions }: ApiKey): string {
  const what = actions === null ? (readOnly ? 'reads' : 'all its owner may') : actions.join(', ')
  return registries === null
    ? what
    : `${what} in ${registries.length === 1 ? '1 registry' : `${registries.length} registries`}`
}
