import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Daemon } from './tools.ts'
import { exitWithin, freePort, killDaemon, must, removeAtExit, skipWithout, startDaemon, tool, until } from './tools.ts'

export type TestDatabase = AsyncDisposable & { url: string; name: string }

export type TestPostgres = AsyncDisposable & {
  /** A database of its own, empty or a copy of `template`, which nobody uses; disposing drops it, connections or not. */
  createDatabase: (template?: string) => Promise<TestDatabase>
  /** Ends the server: `fast` as an administrator would, `crash` without warning. Not with TEST_POSTGRES_URL. */
  stop: (mode?: 'fast' | 'crash') => Promise<void>
  /** Starts it again after `stop`, on the same port and data. */
  start: () => Promise<void>
  logs: () => string
}

/** For node:test's `skip`: false when PostgreSQL is here. */
export function skipWithoutPostgres(): false | string {
  return process.env['TEST_POSTGRES_URL'] !== undefined ? false : skipWithout('initdb', 'postgres')
}

let shared: Promise<TestPostgres> | undefined

/** One private PostgreSQL per test process (or the one of TEST_POSTGRES_URL), which ends with the process at the latest. */
export function startPostgres(): Promise<TestPostgres> {
  shared ??= startServer()
  return shared
}

/** Ends it, if this process started one. */
export async function stopPostgres(): Promise<void> {
  await (await shared)?.[Symbol.asyncDispose]()
}

function startServer(): Promise<TestPostgres> {
  const given = process.env['TEST_POSTGRES_URL']
  return given === undefined ? startPrivate() : Promise.resolve(onlyDatabases(given))
}

function onlyDatabases(url: string): TestPostgres {
  const refuse = (): Promise<never> => Promise.reject(new Error('TEST_POSTGRES_URL is a server that is not ours'))
  return {
    createDatabase: (template) => createDatabase(url, template),
    stop: refuse,
    start: refuse,
    logs: () => '',
    [Symbol.asyncDispose]: async () => {
      shared = undefined
    },
  }
}

async function startPrivate(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-postgres-'))
  removeAtExit(folder)
  const owner = await postgresUser()
  if (owner !== null) await chown(folder, owner.uid, owner.gid)
  const password = randomBytes(12).toString('hex')
  await initialise(folder, password, owner)
  const port = await freePort()
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  let daemon = await launch(folder, port, owner, url)
  let logs = ''
  const stop = async (mode: 'fast' | 'crash' = 'fast'): Promise<void> => {
    await end(daemon, mode)
    logs += daemon.logs()
  }
  return {
    createDatabase: (template) => createDatabase(url, template),
    stop,
    start: async () => {
      daemon = await launch(folder, port, owner, url)
    },
    logs: () => logs + daemon.logs(),
    [Symbol.asyncDispose]: async () => {
      shared = undefined
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** null = this process's own user. */
type Owner = { uid: number; gid: number } | null

/** PostgreSQL refuses to run as root; Debian's package made a user for it. */
async function postgresUser(): Promise<Owner> {
  if (process.getuid?.() !== 0) return null
  return {
    uid: Number(await must('id', ['-u', 'postgres'])),
    gid: Number(await must('id', ['-g', 'postgres'])),
  }
}

async function initialise(folder: string, password: string, owner: Owner): Promise<void> {
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o644 })
  const args = ['-D', join(folder, 'data'), '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  await must(program('initdb'), [...args, '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions'], {
    ...owner,
    cwd: folder,
  })
}

function program(name: string): string {
  const path = tool(name)
  if (path === null) throw new Error(`PostgreSQL is not installed: ${name}`)
  return path
}

async function launch(folder: string, port: number, owner: Owner, url: string): Promise<Daemon> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // Several nodes with several processes each.
    max_connections: '300',
    shared_buffers: '64MB',
    // What a production server has: the tests measure and kill this one.
    fsync: 'on',
    synchronous_commit: 'on',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const daemon = startDaemon(program('postgres'), ['-D', join(folder, 'data'), ...args], { ...owner, cwd: folder })
  await until(() => daemon.child.exitCode !== null || answers(url), daemon.logs, 30_000)
  if (daemon.child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${daemon.logs()}`)
  return daemon
}

async function answers(url: string): Promise<boolean> {
  try {
    await query(url, 'select 1')
    return true
  } catch {
    return false
  }
}

/**
 * PostgreSQL's "fast" cuts sessions and writes data; its "immediate" leaves recovery to the next start, as a crash does,
 * but takes its sessions along (SIGKILL leaves them behind for a moment, and the next start refuses while they hold memory).
 */
async function end(daemon: Daemon, mode: 'fast' | 'crash'): Promise<void> {
  if (daemon.child.exitCode !== null || daemon.child.signalCode !== null) return
  daemon.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  if ((await exitWithin(daemon, 20_000)) === 'timeout') await killDaemon(daemon)
}

async function createDatabase(server: string, template = 'template0'): Promise<TestDatabase> {
  const name = `entrepot_test_${randomBytes(6).toString('hex')}`
  await query(server, `create database ${name} template ${template} encoding 'UTF8'`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    name,
    [Symbol.asyncDispose]: () => query(server, `drop database if exists ${name} with (force)`),
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
