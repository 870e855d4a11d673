import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { Daemon } from './tools.ts'
import { exitWithin, freePort, killDaemon, removeAtExit, skipWithout, startDaemon, tool, until } from './tools.ts'

export type S3Settings = {
  endpoint: string
  region: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

export type TestS3 = AsyncDisposable & {
  /** An empty bucket of its own. */
  createBucket: () => Promise<S3Settings>
  /** The folder whose sub-folders are the buckets and whose files the objects. */
  folder: string
  /** Ends the server at once, as a crash; the objects stay. */
  stop: () => Promise<void>
  /** Starts it again after `stop`, on the same port and objects. */
  start: () => Promise<void>
  logs: () => string
}

/** For node:test's `skip`: false when the S3 server is here. */
export function skipWithoutS3(): false | string {
  return skipWithout('versitygw')
}

const region = 'us-east-1'

/** versitygw over a temporary directory, on the loopback interface. */
export async function startS3(): Promise<TestS3> {
  const root = await mkdtemp(join(tmpdir(), 'entrepot-s3-'))
  removeAtExit(root)
  const folder = join(root, 'objects')
  await mkdir(folder)
  const accessKeyId = `test${randomBytes(6).toString('hex')}`
  const secretAccessKey = randomBytes(20).toString('hex')
  const port = await freePort()
  const env = { ...process.env, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey }
  const launch = (): Promise<Daemon> => launchServer(folder, port, env)
  let daemon = await launch()
  const server = { endpoint: `http://127.0.0.1:${port}`, region, accessKeyId, secretAccessKey }
  return {
    folder,
    createBucket: async () => ({ ...server, bucket: await createBucket(server) }),
    stop: () => killDaemon(daemon),
    start: async () => {
      daemon = await launch()
    },
    logs: () => daemon.logs(),
    [Symbol.asyncDispose]: async () => {
      daemon.child.kill('SIGTERM')
      if ((await exitWithin(daemon, 5000)) === 'timeout') await killDaemon(daemon)
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function launchServer(folder: string, port: number, env: NodeJS.ProcessEnv): Promise<Daemon> {
  const program = tool('versitygw')
  if (program === null) throw new Error('versitygw is not installed')
  const options = ['--port', `127.0.0.1:${port}`, '--region', region, '--keep-alive', '--quiet']
  const daemon = startDaemon(program, [...options, 'posix', folder], { env })
  await until(() => daemon.child.exitCode !== null || listens(port), daemon.logs, 15_000)
  if (daemon.child.exitCode !== null) throw new Error(`versitygw did not start:\n${daemon.logs()}`)
  return daemon
}

function listens(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

async function createBucket(server: Omit<S3Settings, 'bucket'>): Promise<string> {
  const bucket = `entrepot-${randomBytes(6).toString('hex')}`
  const { endpoint, accessKeyId, secretAccessKey } = server
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  } finally {
    client.destroy()
  }
  return bucket
}
