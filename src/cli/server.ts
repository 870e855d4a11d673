import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Environment } from '../config/read-settings.ts'
import type { CommandContext } from './command.ts'
import type { OptionSpec } from './define.ts'
import { UsageError } from './define.ts'
import type { Logins } from './logins.ts'
import { readLogins } from './logins.ts'
import { ServerClient } from './server-client.ts'

// What the commands share that act on a server.

export const SERVER = {
  url: {
    type: 'string',
    value: '<url>',
    about: 'the server (ENTREPOT_URL); default: the one of entrepot login',
  },
  contract: {
    type: 'string',
    value: '<number>',
    about: 'which of your contracts (ENTREPOT_CONTRACT); default: your first',
  },
} as const satisfies Record<string, OptionSpec>

export interface WhichServer {
  readonly url: string | undefined
  readonly contract: string | undefined
}

/** Where the command line or the environment or a login says to act; null: nowhere. */
export async function findServer(which: WhichServer, context: CommandContext): Promise<ServerClient | null> {
  const { env } = context
  const logins = await readLogins(env)
  const given = which.url ?? (env['ENTREPOT_URL'] || undefined) ?? logins.current
  if (given === null) return null
  const url = parseUrl(given)
  const authorization = authorizationFor(url, env, logins)
  if (authorization === null) {
    throw new UsageError(`nobody is logged in at ${url}: run entrepot login ${url}, or set ENTREPOT_API_KEY`)
  }
  warnOfPlainText(url, context)
  return await openServer(url, authorization, contractOf(which.contract ?? env['ENTREPOT_CONTRACT']), env)
}

/** @throws UsageError when no server is named. */
export async function withServer(
  which: WhichServer,
  context: CommandContext,
  act: (server: ServerClient) => Promise<number>,
): Promise<number> {
  const server = await findServer(which, context)
  if (server === null) {
    throw new UsageError(
      'which server? Log in with entrepot login <url>, or give --url (ENTREPOT_URL) and ENTREPOT_API_KEY',
    )
  }
  return await act(server)
}

export async function openServer(
  url: string,
  authorization: string | null,
  contract: number | null,
  env: Environment,
): Promise<ServerClient> {
  const file = env['ENTREPOT_CA']
  if (file && url.startsWith('https:')) trust(file)
  return new ServerClient({ url, authorization, contract })
}

/** @throws UsageError */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url !== null && url.username === '' && url.search === '' && url.hash === ''
  if (url === null || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`"${text}" is no URL of a server: write it such as https://registry.example.com`)
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

export function warnOfPlainText(url: string, { io }: CommandContext): void {
  if (url.startsWith('https:') || isLoopback(url)) return
  io.err(`Warning: the connection to ${url} is not encrypted; whoever is on the way can read your credentials`)
}

/** @throws UsageError */
export function contractOf(text: string | undefined): number | null {
  if (text === undefined || text === '') return null
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new UsageError(`--contract ${text} is not valid: write the number of a contract`)
}

function authorizationFor(url: string, env: Environment, { servers }: Logins): string | null {
  const secret = env['ENTREPOT_API_KEY'] || servers[url]?.secret
  return secret ? `Bearer ${secret.trim()}` : null
}

/** Besides the authorities that are trusted anyway. */
function trust(file: string): void {
  try {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(file, 'utf8')])
  } catch (error) {
    throw new UsageError(`ENTREPOT_CA = ${file} cannot be used: ${error instanceof Error ? error.message : error}`)
  }
}
