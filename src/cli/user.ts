import { OPERATOR } from '../accounts/deps.ts'
import type { User } from '../accounts/users.ts'
import { DomainError } from '../domain/error.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { CONTRACT, JSON_OPTION, WHERE, withContract, withLocal } from './local.ts'
import { readSecret } from './password.ts'
import type { Person } from './people.ts'
import { listPeople, PEOPLE_COMMANDS, parseRole, printPeople, ROLES } from './people.ts'
import { PLANE, serverUnlessHere } from './plane.ts'

const add = defineCommand({
  name: 'add',
  summary: 'give a person access to a contract, on this machine',
  about:
    'The password is asked for, or read as one line from a pipe. Somebody whom another contract knows keeps theirs.',
  example: 'entrepot user add ann@example.com --role admin',
  positionals: ['email'],
  options: {
    role: { type: 'string', value: '<role>', about: `${ROLES.join(', ')}; default member` },
    'manage-registry': { type: 'boolean', about: 'a member who may change registries and tokens' },
    ...CONTRACT,
  },
  run: async ({ positionals: [email], options }, context) => {
    const role = parseRole(options.role ?? 'member')
    return await withContract(options, context, async ({ app }, { contractId }) => {
      const password = await readSecret(context.io, 'password')
      const manageRegistry = options['manage-registry']
      await app.accounts.addUser({ contractId, email, password, role, manageRegistry, linkExisting: true }, OPERATOR)
      context.io.out(`${email} is ${role} of contract ${contractId}`)
      return 0
    })
  },
})

const passwd = defineCommand({
  name: 'passwd',
  summary: "set a person's password, on this machine",
  about: 'It is asked for, or read as one line from a pipe. Logins made with the old one end.',
  example: 'entrepot user passwd ann@example.com',
  positionals: ['email'],
  options: CONTRACT,
  run: ({ positionals: [email], options }, context) =>
    withContract(options, context, async ({ app }, { contractId }) => {
      const person = (await app.accounts.listUsers(contractId)).find((user) => user.email === email.toLowerCase())
      if (!person)
        throw new DomainError(
          'not_found',
          `${email} is nobody in contract ${contractId}: entrepot user list shows who is`,
        )
      const password = await readSecret(context.io, 'new password')
      await app.accounts.setPassword({ userId: person.userId, password, contractId: null }, OPERATOR)
      context.io.out(`The password of ${person.email} is set`)
      return 0
    }),
})

const operator = defineCommand({
  name: 'operator',
  summary: 'let a person run the installation (contracts, quotas, jobs), on this machine',
  about: 'It opens no contract and no registry. The first owner is operator from the start.',
  example: 'entrepot user operator ann@example.com',
  positionals: ['email'],
  options: { off: { type: 'boolean', about: 'take it back' }, ...WHERE },
  run: ({ positionals: [email], options }, context) =>
    withLocal(options, context, async ({ app }) => {
      const isOperator = !options.off
      await app.accounts.setOperator({ email, isOperator }, OPERATOR)
      context.io.out(`${email} is ${isOperator ? 'an' : 'no'} operator of this installation`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list the people of a contract',
  example: 'entrepot user list --json',
  positionals: [],
  options: { ...PLANE, ...JSON_OPTION },
  run: async ({ options }, context) => {
    const server = await serverUnlessHere(options, context)
    const people = server === null ? await localPeople(options, context) : await listPeople(server)
    return printPeople(context, people, options.json)
  },
})

/** Those that say "on this machine" act on its data; the others on a server. */
export const userCommand: Command = defineGroup('user', 'people: add, invite, change, remove, list', [
  list,
  ...PEOPLE_COMMANDS,
  add,
  passwd,
  operator,
])

async function localPeople(where: Parameters<typeof withContract>[0], context: CommandContext): Promise<Person[]> {
  const people: Person[] = []
  await withContract(where, context, async ({ app }, { contractId }) => {
    people.push(...(await app.accounts.listUsers(contractId)).map(describe))
    return 0
  })
  return people
}

function describe({ userId, email, role, manageRegistry, isDisabled, since }: User): Person {
  return { userId, email, role, manageRegistry, disabled: isDisabled, since: new Date(since).toISOString() }
}
