import type { Scope } from '../domain/permission.ts'
import { loginHost } from '../registries/hostname.ts'
import type { Command } from './command.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm } from './password.ts'
import type { TokenInfo } from './plane.ts'
import { PLANE, withPlane } from './plane.ts'
import { table } from './table.ts'
import { DEFAULT_SCOPE, expiryOf, instantInWords, inWords, parseScope, scopeText, useInWords } from './token-words.ts'

const create = defineCommand({
  name: 'create',
  summary: 'make a login for a registry; its password is shown once',
  about:
    'A scope is type:name:actions, such as repository:team/*:pull,push,delete or registry:catalog:*. Repository names are\n' +
    'relative to the registry and * stands for any characters.',
  example: 'entrepot token create acme ci --scope repository:team/*:pull,push --expires 90d',
  positionals: ['registry', 'name'],
  options: {
    scope: {
      type: 'string',
      value: '<type:name:actions>',
      multiple: true,
      about: `what it may do; default ${DEFAULT_SCOPE}`,
    },
    expires: {
      type: 'string',
      value: '<when>',
      about: 'in 12h, 30d, 8w or 1y, or a time such as 2030-12-31T23:59:59Z; default: never',
    },
    ...PLANE,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registryName, name], options }, context) =>
    withPlane(options, context, async (plane) => {
      const scopes = (options.scope.length > 0 ? options.scope : [DEFAULT_SCOPE]).map(parseScope)
      const expiryDate = options.expires === undefined ? null : expiryOf(options.expires, context.now())
      const { registry, token, password } = await plane.createToken(registryName, { name, scopes, expiryDate })
      const { hostname } = registry
      const login = `docker login ${loginHost(hostname)} --username ${name}`
      if (options.json)
        return printJson(context, { ...describe(token), registry: registryName, hostname, login, password })
      context.io.out(`Token ${name} of registry ${registryName} is made: ${scopes.map(inWords).join('; ')}`)
      context.io.out(`  log in:    ${login}`)
      context.io.out(`  password:  ${password}   (shown only now)`)
      for (const line of examples(hostname, scopes)) context.io.out(line)
      return 0
    }),
})

/** Only what the token may do. */
function examples(hostname: string, scopes: readonly Scope[]): string[] {
  const may = (action: string) =>
    scopes.find(({ type, actions }) => type === 'repository' && (actions.includes(action) || actions.includes('*')))
  const line = (action: string, scope: Scope) =>
    `  ${`${action}:`.padEnd(11)}docker ${action} ${hostname}/${scope.name.includes('*') ? '<repository>' : scope.name}:<tag>`
  const [push, pull] = [may('push'), may('pull')]
  return push ? [line('push', push)] : pull ? [line('pull', pull)] : []
}

const list = defineCommand({
  name: 'list',
  summary: "list a registry's tokens, when they end and were used last",
  example: 'entrepot token list acme',
  positionals: ['registry'],
  options: { ...PLANE, ...JSON_OPTION },
  run: ({ positionals: [registryName], options }, context) =>
    withPlane(options, context, async (plane) => {
      const rows = (await plane.listTokens(registryName)).map(describe)
      if (options.json) return printJson(context, rows)
      if (rows.length === 0) context.io.err(`No tokens yet: entrepot token create ${registryName} <name> makes one`)
      else
        context.io.out(
          table(
            ['NAME', 'STATUS', 'EXPIRES', 'LAST USED', 'SECRETS', 'SCOPES'],
            rows.map((row) => [
              row.name,
              row.status,
              instantInWords(row.effectiveExpiresAt),
              useInWords(row.lastUsed),
              String(row.secrets.length),
              row.scopes.join(' ') || 'none',
            ]),
          ),
        )
      return 0
    }),
})

const rotate = defineCommand({
  name: 'rotate',
  summary: 'make a second password for a token; the first goes on working',
  about:
    'Put the new password where it is needed, see with token secrets that the old one is used no more, and revoke that one.',
  example:
    'entrepot token rotate acme ci\nentrepot token secrets acme ci\nentrepot token revoke acme ci <id of the old secret>',
  positionals: ['registry', 'name'],
  options: {
    expires: {
      type: 'string',
      value: '<when>',
      about: 'a new expiry of the token, as for token create; default: as it is',
    },
    ...PLANE,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registryName, name], options }, context) =>
    withPlane(options, context, async (plane) => {
      const expiryDate = options.expires === undefined ? undefined : expiryOf(options.expires, context.now())
      const { token, secretId, password } = await plane.rotateToken(registryName, name, { expiryDate })
      if (options.json) return printJson(context, { ...describe(token), secret: secretId, password })
      const old = token.secrets.find((secret) => secret.id !== secretId)
      context.io.out(`Token ${name} of registry ${registryName} has a new password, ${secretId}`)
      context.io.out(`  password:  ${password}   (shown only now)`)
      if (old) context.io.out(`  then:      entrepot token revoke ${registryName} ${name} ${old.id}`)
      return 0
    }),
})

const secrets = defineCommand({
  name: 'secrets',
  summary: "list a token's passwords by their ids, with their last use",
  about: 'The id is the word between the underscores of the password.',
  example: 'entrepot token secrets acme ci',
  positionals: ['registry', 'name'],
  options: { ...PLANE, ...JSON_OPTION },
  run: ({ positionals: [registryName, name], options }, context) =>
    withPlane(options, context, async (plane) => {
      const rows = (await plane.getToken(registryName, name)).secrets
      if (options.json) return printJson(context, rows)
      const cells = rows.map((row) => [
        row.id,
        instantInWords(row.createdAt),
        instantInWords(row.expiresAt),
        useInWords(row.lastUsed),
      ])
      context.io.out(table(['ID', 'MADE', 'EXPIRES', 'LAST USED'], cells))
      return 0
    }),
})

const revoke = defineCommand({
  name: 'revoke',
  summary: "end one of a token's passwords; the other goes on working",
  example: 'entrepot token revoke acme ci 7TqZ0bXw2K',
  positionals: ['registry', 'name', 'secret'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...PLANE },
  run: ({ positionals: [registryName, name, secretId], options }, context) =>
    withPlane(options, context, async (plane) => {
      const question = `This ends password ${secretId} of token ${name}${plane.where}: whoever uses it is out.`
      await confirm(context.io, question, secretId, options.yes)
      await plane.revokeSecret(registryName, name, secretId)
      context.io.out(`Password ${secretId} of token ${name} is revoked`)
      return 0
    }),
})

const set = defineCommand({
  name: 'set',
  summary: 'change what a token may do, or when it ends; the password stays',
  example: 'entrepot token set acme ci --scope repository:team/*:pull --expires 90d',
  positionals: ['registry', 'name'],
  options: {
    scope: { type: 'string', value: '<type:name:actions>', multiple: true, about: 'instead of what it may do now' },
    expires: { type: 'string', value: '<when>', about: 'as for token create; or never' },
    ...PLANE,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registryName, name], options }, context) => {
    const { scope, expires } = options
    if (scope.length === 0 && expires === undefined) throw new UsageError('nothing to set: give --scope or --expires')
    const change = {
      scopes: scope.length === 0 ? undefined : scope.map(parseScope),
      expiryDate: expires === undefined ? undefined : expires === 'never' ? null : expiryOf(expires, context.now()),
    }
    return withPlane(options, context, async (plane) => {
      const changed = describe(await plane.changeToken(registryName, name, change))
      if (options.json) return printJson(context, changed)
      const ends = instantInWords(changed.effectiveExpiresAt)
      context.io.out(
        `Token ${name} of registry ${registryName}: ${changed.scopes.join(' ') || 'no scopes'}; ends ${ends}`,
      )
      return 0
    })
  },
})

const enable = statusCommand('enable', 'enabled', 'let a disabled token in again')
const disable = statusCommand('disable', 'disabled', 'stop a token; it can be enabled again')

function statusCommand(name: string, status: 'enabled' | 'disabled', summary: string): Command {
  return defineCommand({
    name,
    summary,
    example: `entrepot token ${name} acme ci`,
    positionals: ['registry', 'name'],
    options: PLANE,
    run: ({ positionals: [registryName, tokenName], options }, context) =>
      withPlane(options, context, async (plane) => {
        await plane.setTokenStatus(registryName, tokenName, status)
        context.io.out(`Token ${tokenName} of registry ${registryName} is ${status}`)
        return 0
      }),
  })
}

const remove = defineCommand({
  name: 'delete',
  summary: 'delete a token for good',
  example: 'entrepot token delete acme ci --yes',
  positionals: ['registry', 'name'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...PLANE },
  run: ({ positionals: [registryName, name], options }, context) =>
    withPlane(options, context, async (plane) => {
      await plane.getToken(registryName, name)
      const question = `This deletes token ${name} of registry ${registryName}${plane.where}: whoever uses it is out.`
      await confirm(context.io, question, name, options.yes)
      await plane.deleteToken(registryName, name)
      context.io.out(`Token ${name} of registry ${registryName} is deleted`)
      return 0
    }),
})

export const tokenCommand: Command = defineGroup(
  'token',
  "make, list, change, rotate, stop and delete registries' logins",
  [create, list, set, rotate, secrets, revoke, disable, enable, remove],
)

function describe(token: TokenInfo) {
  return { ...token, scopes: token.scopes.map(scopeText) }
}
