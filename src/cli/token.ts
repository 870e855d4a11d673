import type { Scope } from '../domain/permission.ts'
import { formatInstant } from '../registries/expiry.ts'
import { loginHost, registryHostname } from '../registries/hostname.ts'
import type { LastUse, TokenDetails } from '../registries/token-details.ts'
import type { TokenView } from '../registries/views.ts'
import type { Command } from './command.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { CONTRACT, JSON_OPTION, printJson, withContract } from './local.ts'
import { confirm } from './password.ts'
import { table } from './table.ts'

const DEFAULT_SCOPE = 'repository:*:pull,push'
const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, y: 365 * 86_400_000 } as const

const create = defineCommand({
  name: 'create',
  summary: 'make a login for a registry; its password is shown once',
  about:
    'A scope is type:name:actions, such as repository:team/*:pull,push,delete or registry:catalog:*. Repository names are\n' +
    'relative to the registry and * stands for any characters.',
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
    ...CONTRACT,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registryName, name], options }, context) =>
    withContract(options, context, async ({ app, host }, actor) => {
      const registry = await app.registries.getNamed(actor, registryName)
      const scopes = (options.scope.length > 0 ? options.scope : [DEFAULT_SCOPE]).map(parseScope)
      const expiryDate = options.expires === undefined ? null : expiryOf(options.expires, context.now())
      const { token, password } = await app.registries.createToken(actor, registry.id, {
        name,
        scopes,
        expiryDate,
        status: null,
      })
      const hostname = registryHostname(app.naming, registry, host)
      const login = `docker login ${loginHost(hostname)} --username ${name}`
      if (options.json)
        return printJson(context, { ...describe(token), registry: registryName, hostname, login, password })
      context.io.out(`Token ${name} of registry ${registryName} is made: ${scopes.map(inWords).join('; ')}`)
      context.io.out(`  log in:    ${login}`)
      context.io.out(`  password:  ${password}   (shown only now)`)
      context.io.out(`  push:      docker push ${hostname}/<repository>:<tag>`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: "list a registry's tokens",
  positionals: ['registry'],
  options: { ...CONTRACT, ...JSON_OPTION },
  run: ({ positionals: [registryName], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const { id } = await registries.getNamed(actor, registryName)
      const all: TokenDetails[] = []
      for (let after = 0; ; ) {
        const page: TokenDetails[] = await registries.listTokenDetails(actor, id, { limit: 500, after })
        all.push(...page)
        const last = page.at(-1)
        if (!last) break
        after = last.internalId
      }
      const rows = all.map(describeDetails)
      if (options.json) return printJson(context, rows)
      if (rows.length === 0) context.io.err(`No tokens yet: entrepot token create ${registryName} <name> makes one`)
      else
        context.io.out(
          table(
            ['NAME', 'STATUS', 'EXPIRES', 'LAST USED', 'SECRETS', 'SCOPES'],
            rows.map((row) => [
              row.name,
              row.status,
              row.effectiveExpiresAt ?? 'never',
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
    'Put the new password where it is needed, see in token secrets that the old one is used no more, and revoke that one:\n' +
    '  entrepot token rotate acme ci\n  entrepot token secrets acme ci\n  entrepot token revoke acme ci <secret>',
  positionals: ['registry', 'name'],
  options: {
    expires: {
      type: 'string',
      value: '<when>',
      about: 'a new expiry of the token, as for token create; default: as it is',
    },
    ...CONTRACT,
    ...JSON_OPTION,
  },
  run: ({ positionals: [registryName, name], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const registry = await registries.getNamed(actor, registryName)
      const { id } = await registries.getTokenNamed(actor, registry.id, name)
      const expiryDate = options.expires === undefined ? undefined : expiryOf(options.expires, context.now())
      const { token, secretId, password } = await registries.rotateToken(actor, registry.id, id, { expiryDate })
      if (options.json) return printJson(context, { ...describeDetails(token), secret: secretId, password })
      const [old] = token.secrets.filter((secret) => secret.id !== secretId)
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
  positionals: ['registry', 'name'],
  options: { ...CONTRACT, ...JSON_OPTION },
  run: ({ positionals: [registryName, name], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const registry = await registries.getNamed(actor, registryName)
      const { id } = await registries.getTokenNamed(actor, registry.id, name)
      const rows = describeDetails(await registries.getTokenDetails(actor, registry.id, id)).secrets
      if (options.json) return printJson(context, rows)
      const cells = rows.map((row) => [row.id, row.createdAt, row.expiresAt ?? 'never', useInWords(row.lastUsed)])
      context.io.out(table(['ID', 'MADE', 'EXPIRES', 'LAST USED'], cells))
      return 0
    }),
})

const revoke = defineCommand({
  name: 'revoke',
  summary: "end one of a token's passwords; the other goes on working",
  positionals: ['registry', 'name', 'secret'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...CONTRACT },
  run: ({ positionals: [registryName, name, secretId], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const registry = await registries.getNamed(actor, registryName)
      const { id } = await registries.getTokenNamed(actor, registry.id, name)
      const question = `This ends password ${secretId} of token ${name}: whoever uses it is out.`
      await confirm(context.io, question, secretId, options.yes)
      await registries.revokeTokenSecret(actor, registry.id, id, secretId)
      context.io.out(`Password ${secretId} of token ${name} is revoked`)
      return 0
    }),
})

const enable = statusCommand('enable', 'enabled', 'let a disabled token in again')
const disable = statusCommand('disable', 'disabled', 'stop a token; it can be enabled again')

function statusCommand(name: string, status: 'enabled' | 'disabled', summary: string): Command {
  return defineCommand({
    name,
    summary,
    positionals: ['registry', 'name'],
    options: CONTRACT,
    run: ({ positionals: [registryName, tokenName], options }, context) =>
      withContract(options, context, async ({ app: { registries } }, actor) => {
        const registry = await registries.getNamed(actor, registryName)
        const { id } = await registries.getTokenNamed(actor, registry.id, tokenName)
        await registries.setTokenStatus(actor, registry.id, id, status)
        context.io.out(`Token ${tokenName} of registry ${registryName} is ${status}`)
        return 0
      }),
  })
}

const remove = defineCommand({
  name: 'delete',
  summary: 'delete a token for good',
  positionals: ['registry', 'name'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...CONTRACT },
  run: ({ positionals: [registryName, name], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const registry = await registries.getNamed(actor, registryName)
      const { id } = await registries.getTokenNamed(actor, registry.id, name)
      await confirm(
        context.io,
        `This deletes token ${name} of registry ${registryName}: whoever uses it is out.`,
        name,
        options.yes,
      )
      await registries.deleteToken(actor, registry.id, id)
      context.io.out(`Token ${name} of registry ${registryName} is deleted`)
      return 0
    }),
})

export const tokenCommand: Command = defineGroup('token', "make, list, rotate, stop and delete registries' logins", [
  create,
  list,
  rotate,
  secrets,
  revoke,
  disable,
  enable,
  remove,
])

function describe({ id, name, status, scopes, expiresAt, created }: TokenView) {
  return {
    id,
    name,
    status,
    scopes: scopes.map(scopeText),
    expiresAt: expiresAt === null ? null : formatInstant(expiresAt),
    createdAt: new Date(created.at).toISOString(),
    createdBy: created.by,
  }
}

function describeDetails(token: TokenDetails) {
  const { effectiveExpiresAt, lastUsed, secrets } = token
  return {
    ...describe(token),
    effectiveExpiresAt: effectiveExpiresAt === null ? null : formatInstant(effectiveExpiresAt),
    lastUsed: describeUse(lastUsed),
    secrets: secrets.map((secret) => ({
      id: secret.id,
      createdAt: formatInstant(secret.createdAt),
      expiresAt: secret.expiresAt === null ? null : formatInstant(secret.expiresAt),
      lastUsed: describeUse(secret.lastUsed),
    })),
  }
}

function describeUse(use: LastUse | null) {
  return use === null ? null : { at: formatInstant(use.at), from: use.from }
}

function useInWords(use: { readonly at: string; readonly from: string } | null): string {
  return use === null ? 'never' : `${use.at} from ${use.from}`
}

function scopeText({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`
}

function inWords({ type, name, actions }: Scope): string {
  const where =
    type !== 'repository' ? `${type} ${name}` : name === '*' ? 'every repository' : `repositories named ${name}`
  return `${actions.join(', ')} in ${where}`
}

/** @throws UsageError */
export function parseScope(text: string): Scope {
  const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(text) ?? []
  if (!type || !name || !actions) {
    throw new UsageError(`--scope ${text} is not valid: write type:name:actions, such as ${DEFAULT_SCOPE}`)
  }
  return { type, name, actions: actions.split(',').map((action) => action.trim()) }
}

/** `30d` from `now` on, or the time itself. */
export function expiryOf(text: string, now: number): string {
  const [, count, unit] = /^(\d{1,4})([hdwy])$/.exec(text) ?? []
  return unit === undefined ? text : formatInstant(now + Number(count) * UNITS[unit as keyof typeof UNITS])
}
