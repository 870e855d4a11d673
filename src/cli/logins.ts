import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from '../config/read-settings.ts'
import { UsageError } from './define.ts'

/** Who one is at one server. */
export interface Login {
  /** A session or an API key, as Bearer. */
  readonly secret: string
  readonly kind: 'session' | 'api_key'
  readonly email: string
  readonly contract: number
  /** RFC 3339, or null: as long as the server says. */
  readonly expiresAt: string | null
}

export interface Logins {
  /** The server meant when none is named; null: none. */
  readonly current: string | null
  readonly servers: Readonly<Record<string, Login>>
}

const NONE: Logins = { current: null, servers: {} }

/** Null where the environment tells no home: then nothing is remembered. */
export function loginsFile(env: Environment): string | null {
  const base = env['XDG_CONFIG_HOME'] || env['APPDATA'] || (env['HOME'] ? join(env['HOME'], '.config') : '')
  return base === '' ? null : join(base, 'entrepot', 'logins.json')
}

export async function readLogins(env: Environment): Promise<Logins> {
  const file = loginsFile(env)
  if (file === null) return NONE
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NONE
    if (error instanceof SyntaxError) throw new UsageError(`${file} is not JSON: remove it and log in again`)
    throw error
  }
}

/** For this user's eyes only, and whole or not at all. @returns where. */
export async function writeLogins(env: Environment, logins: Logins): Promise<string> {
  const file = loginsFile(env)
  if (file === null)
    throw new UsageError('there is nowhere to keep a login: HOME is not set; use ENTREPOT_API_KEY instead')
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const next = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(next, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(logins, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await chmod(next, 0o600) // the umask may have taken more than it should
  await rename(next, file)
  return file
}
