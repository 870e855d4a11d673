import { DomainError } from '../domain/error.ts'
import type { Command } from './command.ts'
import { contractPath } from './contract-path.ts'
import { defineCommand } from './define.ts'
import { JSON_OPTION } from './local.ts'
import type { Link, Person } from './people.ts'
import { printLink, printPeople } from './people.ts'
import { SERVER, withServer } from './server.ts'
import { allOf } from './server-client.ts'

// What an operator does for contracts in which nobody can get in any more.

const people = defineCommand({
  name: 'people',
  summary: 'list the people of any contract; for operators',
  example: 'entrepot contract people 2',
  positionals: ['number'],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ positionals: [number], options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const rows = await allOf(server.items<Person>(`${contractPath(number)}/people`))
      return printPeople(context, rows, options.json)
    }),
})

const inviteOwner = defineCommand({
  name: 'invite-owner',
  summary: 'invite an owner into a contract that has none; for operators',
  example: 'entrepot contract invite-owner 2 ann@example.com',
  positionals: ['number', 'email'],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ positionals: [number, email], options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const made = await server.send<Link>('POST', `${contractPath(number)}/owner-invitation`, { email })
      return printLink(context, made, options.json)
    }),
})

const reset = defineCommand({
  name: 'reset',
  summary: 'make a link with which anybody sets a new password; for operators',
  about: "It works once, for a day. The contract's audit log tells of it.",
  example: 'entrepot contract reset 2 ann@example.com',
  positionals: ['number', 'email'],
  options: { url: SERVER.url, ...JSON_OPTION },
  run: ({ positionals: [number, email], options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const path = `${contractPath(number)}/people`
      const all = await allOf(server.items<Person>(path))
      const person = all.find((one) => one.email === email.toLowerCase())
      if (!person) {
        const hint = `entrepot contract people ${number} shows who is`
        throw new DomainError('not_found', `${email} is nobody in contract ${number}: ${hint}`)
      }
      return printLink(context, await server.send<Link>('POST', `${path}/${person.userId}/reset-link`), options.json)
    }),
})

export const OPERATOR_COMMANDS: readonly Command[] = [people, inviteOwner, reset]
