import { startPostgres } from '../../support/postgres.ts'
import { startS3 } from '../../support/s3.ts'
import type { EntrepotOptions } from '../../support/server.ts'
import { startEntrepot } from '../../support/server.ts'

/** A running server, and who may push to and delete from the two repositories. */
export type Target = AsyncDisposable & {
  /** host:port */
  host: string
  tls: boolean
  caFile: string | undefined
  username: string
  password: string
  /** Path style; blobs are mounted from the second into the first. */
  repositories: [string, string]
  /** What the server printed, for a failure's message. */
  logs: () => string
}

/** Another server instead of ours, to see whether a finding is the suite's: `http://user:password@host:port`. */
export const givenServer = process.env['CONFORMANCE_TARGET']

/** Entrepot on SQLite and files, or the given server. */
export function startEmbedded(): Promise<Target> {
  return givenServer === undefined ? startOurs({}) : Promise.resolve(given(new URL(givenServer)))
}

/** Entrepot with TLS, as clients reach it in production. */
export function startWithTls(): Promise<Target> {
  return startOurs({ tls: true })
}

/** Entrepot on PostgreSQL and S3. */
export async function startScaledOut(): Promise<Target> {
  await using stack = new AsyncDisposableStack()
  const postgres = await startPostgres()
  const database = stack.use(await postgres.createDatabase())
  const objects = stack.use(await startS3())
  const server = stack.use(await startOurs({ databaseUrl: database.url, s3: await objects.createBucket() }))
  const moved = stack.move()
  return { ...server, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

async function startOurs(options: EntrepotOptions): Promise<Target> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startEntrepot(options))
  const { id } = await server.createRegistry('acme')
  const { username, password } = await server.createToken(id, { name: 'conformance' })
  const moved = stack.move()
  return {
    host: server.host,
    tls: server.caFile !== undefined,
    caFile: server.caFile,
    username,
    password,
    repositories: ['acme/conformance/one', 'acme/conformance/two'],
    logs: server.logs,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

function given(url: URL): Target {
  return {
    host: url.host,
    tls: url.protocol === 'https:',
    caFile: undefined,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    repositories: ['acme/conformance/one', 'acme/conformance/two'],
    logs: () => '',
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
