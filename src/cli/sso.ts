import { DomainError } from '../domain/error.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm, readSecret } from './password.ts'
import { findPerson } from './people.ts'
import { SERVER, withServer } from './server.ts'
import type { ServerClient } from './server-client.ts'
import { allOf } from './server-client.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

interface Rule {
  readonly group: string
  readonly role: string
  readonly manageRegistry: boolean
}

interface Provider {
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly roleMapping: readonly Rule[]
  readonly defaultRole: string | null
  readonly enabled: boolean
}

interface LinkedPerson {
  readonly email: string
  readonly subject: string
  readonly lastLoginAt: string | null
}

const PROVIDERS = '/api/v1/sso/providers'

const CHANGEABLE = {
  'client-id': { type: 'string', value: '<id>', about: 'what the provider calls this installation' },
  group: {
    type: 'string',
    value: '<group=role>',
    multiple: true,
    about: 'what people of a group are: admin, member, or manager (a member who may change registries)',
  },
  'default-role': {
    type: 'string',
    value: '<role>',
    about: 'admin or member, for whoever is in no such group; none: they stay out',
  },
  'groups-claim': { type: 'string', value: '<claim>', about: 'which claim lists groups; default groups' },
  scope: { type: 'string', value: '<scope>', multiple: true, about: 'what is asked for; openid always is' },
} as const

interface Changes {
  readonly 'client-id': string | undefined
  readonly group: readonly string[]
  readonly 'default-role': string | undefined
  readonly 'groups-claim': string | undefined
  readonly scope: readonly string[]
}

const add = defineCommand({
  name: 'add',
  summary: 'let people of your contract log in with an OpenID Connect provider',
  about:
    'Register this installation there first, as a web application with the redirect URI <server>/api/v1/sso/callback. Its client\n' +
    'secret is asked for, or read as one line from a pipe. Without --group and --default-role nobody gets in.',
  example:
    'entrepot sso add Acme --issuer https://id.example.com/realms/acme --client-id entrepot \\\n' +
    '  --group platform=admin --group developers=manager',
  positionals: ['name'],
  options: {
    issuer: { type: 'string', value: '<url>', about: "the provider's URL, without /.well-known/…" },
    public: { type: 'boolean', about: 'it is a public client: there is no secret' },
    ...CHANGEABLE,
    ...SERVER,
    ...JSON_OPTION,
  },
  run: async ({ positionals: [name], options }, context) => {
    const { issuer } = options
    if (issuer === undefined || options['client-id'] === undefined) {
      throw new UsageError('--issuer and --client-id are needed: the provider tells both')
    }
    const changes = changesOf(options)
    const clientSecret = options.public ? null : await readSecret(context.io, 'client secret')
    return await withServer(options, context, async (server) => {
      const made = await server.send<Provider>('POST', PROVIDERS, { name, issuer, clientSecret, ...changes })
      return print(context, server, made, options.json)
    })
  },
})

const list = defineCommand({
  name: 'list',
  summary: 'list the identity providers of your contract',
  example: 'entrepot sso list',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) =>
      printList(context, await providers(server), {
        json: options.json,
        headings: ['NAME', 'STATE', 'ISSUER', 'GROUPS', 'OTHERS'],
        cells: (row) => [
          row.name,
          row.enabled ? 'enabled' : 'disabled',
          row.issuer,
          row.roleMapping.map(ruleText).join(' ') || 'none',
          row.defaultRole ?? 'stay out',
        ],
        empty: 'No identity providers yet: entrepot sso add makes one',
      }),
    ),
})

const set = defineCommand({
  name: 'set',
  summary: 'change an identity provider; rights follow at the next login of each person',
  about: 'What is not given stays; groups that are given replace all there were.',
  example: 'entrepot sso set Acme --group platform=admin --default-role none',
  positionals: ['name'],
  options: {
    secret: { type: 'boolean', about: 'ask for a new client secret, or read it from a pipe' },
    enable: { type: 'boolean', about: 'let people log in with it' },
    disable: { type: 'boolean', about: 'let nobody log in with it, and end the sessions it opened' },
    ...CHANGEABLE,
    ...SERVER,
    ...JSON_OPTION,
  },
  run: async ({ positionals: [name], options }, context) => {
    if (options.enable && options.disable) throw new UsageError('--enable and --disable contradict each other')
    const changes = {
      ...changesOf(options),
      enabled: options.enable ? true : options.disable ? false : undefined,
      clientSecret: options.secret ? await readSecret(context.io, 'client secret') : undefined,
    }
    if (Object.values(changes).every((value) => value === undefined)) throw new UsageError('nothing to set: see --help')
    return await withServer(options, context, async (server) => {
      const { id } = await find(server, name)
      return print(context, server, await server.send<Provider>('PATCH', `${PROVIDERS}/${id}`, changes), options.json)
    })
  },
})

const remove = defineCommand({
  name: 'delete',
  summary: 'delete an identity provider; who logged in with it is logged out, and stays a member until removed',
  example: 'entrepot sso delete Acme --yes',
  positionals: ['name'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...SERVER },
  run: ({ positionals: [name], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await find(server, name)
      await confirm(context.io, `This deletes ${name}: nobody logs in with it any more.`, name, options.yes)
      await server.send('DELETE', `${PROVIDERS}/${id}`)
      context.io.out(`Identity provider ${name} is deleted`)
      return 0
    }),
})

const people = defineCommand({
  name: 'people',
  summary: 'list who logs in with an identity provider',
  example: 'entrepot sso people Acme',
  positionals: ['name'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await find(server, name)
      return printList(context, await allOf(server.items<LinkedPerson>(`${PROVIDERS}/${id}/people`)), {
        json: options.json,
        headings: ['E-MAIL', 'SUBJECT', 'LAST LOGIN'],
        cells: (row) => [row.email, row.subject, instantInWords(row.lastLoginAt)],
        empty: `Nobody logged in with ${name} yet`,
      })
    }),
})

const link = defineCommand({
  name: 'link',
  summary: 'let somebody who is a member already log in with an identity provider',
  about:
    'The subject is what the provider calls them (claim sub); a refused login is in entrepot audit list --action sso.',
  example: 'entrepot sso link Acme ann@example.com 248289761001',
  positionals: ['name', 'email', 'subject'],
  options: SERVER,
  run: ({ positionals: [name, email, subject], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await find(server, name)
      const { userId } = await findPerson(server, email)
      await server.send('POST', `${PROVIDERS}/${id}/people`, { userId, subject })
      context.io.out(`${email} logs in with ${name} from now on`)
      return 0
    }),
})

const unlink = defineCommand({
  name: 'unlink',
  summary: 'stop a member from logging in with an identity provider',
  example: 'entrepot sso unlink Acme ann@example.com',
  positionals: ['name', 'email'],
  options: SERVER,
  run: ({ positionals: [name, email], options }, context) =>
    withServer(options, context, async (server) => {
      const { id } = await find(server, name)
      const { userId } = await findPerson(server, email)
      await server.send('DELETE', `${PROVIDERS}/${id}/people/${userId}`)
      context.io.out(`${email} no longer logs in with ${name}`)
      return 0
    }),
})

export const ssoCommand: Command = defineGroup('sso', 'single sign-on with identity providers', [
  add,
  list,
  set,
  remove,
  people,
  link,
  unlink,
])

async function providers(server: ServerClient): Promise<readonly Provider[]> {
  return (await server.get<{ items: Provider[] }>(PROVIDERS)).items
}

async function find(server: ServerClient, name: string): Promise<Provider> {
  const provider = (await providers(server)).find((one) => one.name === name || one.id === name)
  if (provider) return provider
  throw new DomainError('not_found', `there is no identity provider "${name}": entrepot sso list shows which are`)
}

function print(context: CommandContext, server: ServerClient, provider: Provider, json: boolean): number {
  if (json) return printJson(context, provider)
  context.io.out(`Identity provider ${provider.name} is ${provider.enabled ? 'enabled' : 'disabled'}`)
  context.io.out(`  log in:  ${server.url}/api/v1/sso/${provider.id}/login`)
  context.io.out(`  groups:  ${provider.roleMapping.map(ruleText).join(' ') || 'none'}`)
  context.io.out(`  others:  ${provider.defaultRole ?? 'stay out'}`)
  return 0
}

function changesOf(options: Changes) {
  return {
    clientId: options['client-id'],
    roleMapping: options.group.length === 0 ? undefined : options.group.map(parseRule),
    defaultRole: options['default-role'] === 'none' ? null : options['default-role'],
    groupsClaim: options['groups-claim'],
    scopes: options.scope.length === 0 ? undefined : options.scope,
  }
}

function ruleText({ group, role, manageRegistry }: Rule): string {
  return `${group}=${role === 'member' && manageRegistry ? 'manager' : role}`
}

/** The group may hold an equals sign itself. @throws UsageError */
function parseRule(text: string): Rule {
  const [, group, word] = /^(.+)=(admin|manager|member)$/.exec(text) ?? []
  if (!group || !word) throw new UsageError(`--group ${text} is not valid: write group=admin, =manager or =member`)
  return { group, role: word === 'manager' ? 'member' : word, manageRegistry: word === 'manager' }
}
