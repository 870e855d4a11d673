import { DomainError } from '../domain/error.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm, readSecret } from './password.ts'
import { openServer, parseUrl, SERVER, warnOfPlainText, withServer } from './server.ts'
import type { ServerClient } from './server-client.ts'
import { allOf } from './server-client.ts'
import { printList } from './table.ts'
import { instantInWords } from './token-words.ts'

// Commands about the people of a contract on a server; those that act on this machine's data are in user.ts.

export interface Person {
  readonly userId: string
  readonly email: string
  readonly role: string
  readonly manageRegistry: boolean
  readonly disabled: boolean
  readonly since: string
}

interface Invitation {
  readonly id: string
  readonly email: string
  readonly role: string
  readonly manageRegistry: boolean
  readonly createdBy: string
  readonly expiresAt: string
}

export interface Link {
  readonly email: string
  readonly expiresAt: string
  readonly link: string
}

const PEOPLE = '/api/v1/people'
const INVITATIONS = '/api/v1/invitations'

export const ROLES = ['owner', 'admin', 'member'] as const

/** @throws UsageError */
export function parseRole(text: string): (typeof ROLES)[number] {
  const role = ROLES.find((one) => one === text)
  if (role) return role
  throw new UsageError(`--role ${text} is not valid: write ${ROLES.join(', ')}`)
}

export async function listPeople(server: ServerClient): Promise<Person[]> {
  return await allOf(server.items<Person>(PEOPLE))
}

const invite = defineCommand({
  name: 'invite',
  summary: 'invite a person into your contract; prints a link to hand to them',
  about: 'No mail is sent. The link works once, for 7 days, and a newer one for the same address replaces it.',
  example: 'entrepot user invite bob@example.com --role member --manage-registry',
  positionals: ['email'],
  options: {
    role: { type: 'string', value: '<role>', about: `${ROLES.join(', ')}; default member` },
    'manage-registry': { type: 'boolean', about: 'a member who may change registries and tokens' },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ positionals: [email], options }, context) =>
    withServer(options, context, async (server) => {
      const body = { email, role: parseRole(options.role ?? 'member'), manageRegistry: options['manage-registry'] }
      return printLink(context, await server.send<Link>('POST', INVITATIONS, body), options.json)
    }),
})

const invitations = defineCommand({
  name: 'invitations',
  summary: 'list who is invited and has not accepted yet',
  example: 'entrepot user invitations',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) =>
      printList(context, await allOf(server.items<Invitation>(INVITATIONS)), {
        json: options.json,
        headings: ['E-MAIL', 'ROLE', 'INVITED BY', 'UNTIL'],
        cells: (row) => [row.email, row.role, row.createdBy, instantInWords(row.expiresAt)],
        empty: 'No open invitations: entrepot user invite <email> makes one',
      }),
    ),
})

const uninvite = defineCommand({
  name: 'uninvite',
  summary: 'revoke an invitation; its link stops at once',
  example: 'entrepot user uninvite bob@example.com',
  positionals: ['email'],
  options: SERVER,
  run: ({ positionals: [email], options }, context) =>
    withServer(options, context, async (server) => {
      const open = await allOf(server.items<Invitation>(INVITATIONS))
      const one = open.find((invitation) => invitation.email === email.toLowerCase())
      if (!one) throw new DomainError('not_found', `${email} is not invited: entrepot user invitations shows who is`)
      await server.send('DELETE', `${INVITATIONS}/${one.id}`)
      context.io.out(`${one.email} is no longer invited`)
      return 0
    }),
})

const role = defineCommand({
  name: 'role',
  summary: "change a person's role",
  about: 'It holds within a second. Only owners make and unmake owners, and one must remain.',
  example: 'entrepot user role bob@example.com admin',
  positionals: ['email', 'role'],
  options: {
    'manage-registry': {
      type: 'boolean',
      about: 'a member who may change registries and tokens; without it they read',
    },
    ...SERVER,
    ...JSON_OPTION,
  },
  run: ({ positionals: [email, word], options }, context) =>
    withServer(options, context, async (server) => {
      const body = { role: parseRole(word), manageRegistry: options['manage-registry'] }
      const changed = await change(server, email, body)
      if (options.json) return printJson(context, changed)
      const manages = changed.role === 'member' && changed.manageRegistry ? ' and manages registries' : ''
      context.io.out(`${changed.email} is ${changed.role}${manages}`)
      return 0
    }),
})

const disable = statusCommand('disable', true, 'shut a person out of the contract; role and API keys are kept')
const enable = statusCommand('enable', false, 'let a disabled person in again')

function statusCommand(name: string, disabled: boolean, summary: string): Command {
  return defineCommand({
    name,
    summary,
    example: `entrepot user ${name} bob@example.com`,
    positionals: ['email'],
    options: SERVER,
    run: ({ positionals: [email], options }, context) =>
      withServer(options, context, async (server) => {
        const changed = await change(server, email, { disabled })
        context.io.out(`${changed.email} is ${changed.disabled ? 'disabled' : 'enabled'}`)
        return 0
      }),
  })
}

const remove = defineCommand({
  name: 'remove',
  summary: 'remove a person from the contract; their API keys in it end',
  example: 'entrepot user remove bob@example.com --yes',
  positionals: ['email'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...SERVER },
  run: ({ positionals: [email], options }, context) =>
    withServer(options, context, async (server) => {
      const person = await findPerson(server, email)
      await confirm(context.io, `This removes ${person.email} from the contract.`, person.email, options.yes)
      await server.send('DELETE', `${PEOPLE}/${person.userId}`)
      context.io.out(`${person.email} is removed`)
      return 0
    }),
})

const reset = defineCommand({
  name: 'reset',
  summary: 'make a link with which a person sets a new password',
  about:
    'It works once, for a day. Only for people who belong to no other contract and are no operators: for others ask the operator.',
  example: 'entrepot user reset bob@example.com',
  positionals: ['email'],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ positionals: [email], options }, context) =>
    withServer(options, context, async (server) => {
      const { userId } = await findPerson(server, email)
      return printLink(context, await server.send<Link>('POST', `${PEOPLE}/${userId}/reset-link`), options.json)
    }),
})

const redeem = defineCommand({
  name: 'redeem',
  summary: 'open the link of an invitation or reset without a browser',
  about:
    'Asks for the link and for a password, or reads them from a pipe, one line each: the new one for a reset; for an invitation\n' +
    'the one you have at this server, or one you choose.',
  example: 'entrepot user redeem',
  positionals: [],
  options: {},
  run: async (_input, context) => {
    const { url, secret } = parseLink((await context.io.ask('link: ', { hidden: true })).trim())
    warnOfPlainText(url, context)
    const password = await readSecret(context.io, 'password')
    const door = await openServer(url, null, null, context.env)
    const opened = await door.send<{ kind: string; email: string; contract: number | null }>(
      'POST',
      '/api/v1/account-links/redeem',
      { secret, password },
    )
    const what = opened.kind === 'reset' ? 'has a new password' : `is in contract ${opened.contract}`
    context.io.out(`${opened.email} ${what}; next: entrepot login ${url} --email ${opened.email}`)
    return 0
  },
})

export const PEOPLE_COMMANDS: readonly Command[] = [
  invite,
  invitations,
  uninvite,
  role,
  disable,
  enable,
  remove,
  reset,
  redeem,
]

export function printPeople(context: CommandContext, people: readonly Person[], json: boolean): number {
  return printList(context, people, {
    json,
    headings: ['E-MAIL', 'ROLE', 'MAY'],
    cells: ({ email, role: word, manageRegistry, disabled }) => {
      const may = word !== 'member' || manageRegistry ? 'manages registries' : 'reads'
      return [email, word, disabled ? 'disabled' : may]
    },
    empty: 'Nobody is in this contract',
  })
}

export async function findPerson(server: ServerClient, email: string): Promise<Person> {
  const person = (await listPeople(server)).find((one) => one.email === email.toLowerCase())
  if (person) return person
  throw new DomainError('not_found', `${email} is nobody in this contract: entrepot user list shows who is`)
}

async function change(server: ServerClient, email: string, body: Readonly<Record<string, unknown>>): Promise<Person> {
  const { userId } = await findPerson(server, email)
  return await server.send<Person>('PATCH', `${PEOPLE}/${userId}`, body)
}

export function printLink(context: CommandContext, made: Link, json: boolean): number {
  if (json) return printJson(context, made)
  context.io.out(`Hand this link to ${made.email}; it works once, until ${instantInWords(made.expiresAt)}:`)
  context.io.out(`  ${made.link}`)
  context.io.out('Without a browser it is opened with: entrepot user redeem')
  return 0
}

/** `https://host/ui/link#secret`. @throws UsageError */
function parseLink(text: string): { url: string; secret: string } {
  const [page = '', secret = ''] = text.split('#')
  const [base, ...rest] = page.split('/ui/')
  if (base && rest.length === 1 && secret !== '') return { url: parseUrl(base), secret }
  throw new UsageError('that is no link of ours: it looks like https://registry.example.com/ui/link#entl_…')
}
