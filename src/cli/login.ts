import type { Command, CommandContext } from './command.ts'
import { defineCommand, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import type { Login } from './logins.ts'
import { readLogins, writeLogins } from './logins.ts'
import { readSecret } from './password.ts'
import { contractOf, openServer, parseUrl, SERVER, warnOfPlainText, withServer } from './server.ts'
import type { ServerClient } from './server-client.ts'

/** GET /api/v1/me. */
interface Me {
  readonly email: string
  readonly contract: number
  readonly role: string
  readonly manageRegistry: boolean
  readonly isOperator: boolean
  readonly apiKey: { readonly name: string; readonly readOnly: boolean; readonly limited: boolean } | null
}

/** POST /api/v1/sessions. */
interface NewSession {
  readonly token: string
  readonly expiresAt: string
}

export const loginCommand: Command = defineCommand({
  name: 'login',
  summary: 'log in to a server, so that commands act on it',
  about:
    'Asks for e-mail and password and keeps a session, or with --api-key asks for a key and keeps that: in a file only you can\n' +
    'read. What is piped in is read line by line. With ENTREPOT_URL and ENTREPOT_API_KEY nobody needs to log in.\n' +
    'ENTREPOT_CA names a PEM file with the authority of a certificate that is not publicly trusted.',
  example:
    'entrepot login https://registry.example.com --email ann@example.com\n' +
    'entrepot login https://registry.example.com --api-key < key.txt',
  positionals: ['url'],
  options: {
    email: { type: 'string', value: '<address>', about: 'who you are; default: asked for' },
    'api-key': { type: 'boolean', about: 'log in with an API key instead of a password' },
    contract: SERVER.contract,
  },
  run: async ({ positionals: [text], options }, context) => {
    const url = parseUrl(text)
    warnOfPlainText(url, context)
    const contract = contractOf(options.contract)
    const login = options['api-key']
      ? await withKey(url, contract, context)
      : await withPassword(url, contract, options.email, context)
    const logins = await readLogins(context.env)
    const file = await writeLogins(context.env, { current: url, servers: { ...logins.servers, [url]: login } })
    context.io.out(`${login.email} is logged in at ${url} (contract ${login.contract}); kept in ${file}`)
    return 0
  },
})

export const logoutCommand: Command = defineCommand({
  name: 'logout',
  summary: 'end the session at a server and forget it',
  example: 'entrepot logout',
  positionals: [],
  options: { url: { ...SERVER.url, about: 'which server; default: the one logged in to last' } },
  run: async ({ options }, context) => {
    const logins = await readLogins(context.env)
    const url = options.url === undefined ? logins.current : parseUrl(options.url)
    const login = url === null ? undefined : logins.servers[url]
    if (url === null || login === undefined)
      throw new UsageError(`nobody is logged in${url === null ? '' : ` at ${url}`}`)
    const { [url]: _gone, ...servers } = logins.servers
    await writeLogins(context.env, { current: logins.current === url ? null : logins.current, servers })
    const isEnded = login.kind === 'api_key' || (await endSession(url, login, context))
    context.io.out(`${login.email} is logged out of ${url}`)
    if (!isEnded) context.io.err('The server could not be told: the session there ends by itself')
    return 0
  },
})

export const whoamiCommand: Command = defineCommand({
  name: 'whoami',
  summary: 'say who you are at the server, and what you may',
  example: 'entrepot whoami',
  positionals: [],
  options: { ...SERVER, ...JSON_OPTION },
  run: ({ options }, context) =>
    withServer(options, context, async (server) => {
      const me = await whoIs(server)
      if (options.json) return printJson(context, me)
      const key = me.apiKey === null ? '' : ` with API key ${me.apiKey.name}${keyLimits(me.apiKey)}`
      context.io.out(`${me.email} at ${server.url}${key}: ${me.role} of contract ${me.contract}`)
      if (me.role === 'member') context.io.out(me.manageRegistry ? 'May change registries' : 'May read')
      if (me.isOperator) context.io.out('Operator of the installation')
      return 0
    }),
})

function keyLimits({ readOnly, limited }: { readonly readOnly: boolean; readonly limited: boolean }): string {
  const limits = [...(readOnly ? ['read only'] : []), ...(limited ? ['limited: entrepot key list tells to what'] : [])]
  return limits.length === 0 ? '' : ` (${limits.join('; ')})`
}

export const passwdCommand: Command = defineCommand({
  name: 'passwd',
  summary: 'change your own password at the server',
  about:
    'Asks for the present one and the new one, or reads them from a pipe, one line each. Your other sessions and docker logins\n' +
    'made with the former one end; API keys stay.',
  example: 'entrepot passwd',
  positionals: [],
  options: { url: SERVER.url },
  run: ({ options }, context) =>
    withServer({ ...options, contract: undefined }, context, async (server) => {
      const currentPassword = await context.io.ask('present password: ', { hidden: true })
      const password = await readSecret(context.io, 'new password')
      await server.send('PUT', '/api/v1/me/password', { currentPassword, password })
      context.io.out('Your password is changed')
      return 0
    }),
})

async function withKey(url: string, contract: number | null, context: CommandContext): Promise<Login> {
  const secret = (await context.io.ask('API key: ', { hidden: true })).trim()
  if (secret === '') throw new UsageError('the API key is empty: type it, or pipe one line into the command')
  const me = await whoIs(await openServer(url, `Bearer ${secret}`, contract, context.env))
  return { secret, kind: 'api_key', email: me.email, contract: me.contract, expiresAt: null }
}

async function withPassword(
  url: string,
  contract: number | null,
  given: string | undefined,
  context: CommandContext,
): Promise<Login> {
  const { io } = context
  const email = given ?? (await io.ask('e-mail: ', { hidden: false })).trim()
  const password = await io.ask('password: ', { hidden: true })
  if (email === '' || password === '') {
    throw new UsageError('e-mail and password are needed: type them, or pipe them in, one line each')
  }
  const door = await openServer(url, null, null, context.env)
  const asked = { email, password, contract }
  const { token, expiresAt } = await door.send<NewSession>('POST', '/api/v1/sessions', asked)
  const me = await whoIs(await openServer(url, `Bearer ${token}`, contract, context.env))
  return { secret: token, kind: 'session', email: me.email, contract: me.contract, expiresAt }
}

async function whoIs(server: ServerClient): Promise<Me> {
  return await server.get<Me>('/api/v1/me')
}

/** Whether the server knows. It may be gone, or have ended the session already. */
async function endSession(url: string, { secret }: Login, { env }: CommandContext): Promise<boolean> {
  try {
    await (await openServer(url, `Bearer ${secret}`, null, env)).send('DELETE', '/api/v1/sessions/current')
    return true
  } catch {
    return false
  }
}
