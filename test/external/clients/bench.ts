import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { assertOk } from './assertions.ts'
import type { Account, Acts, Client } from './client.ts'
import type { CountingProxy } from './counting-proxy.ts'
import { countingProxy } from './counting-proxy.ts'
import type { Image, Kind } from './images.ts'
import { makeImage } from './images.ts'
import type { Login, Target } from './target.ts'
import { startTarget } from './target.ts'
import { subfolder, temporaryFolder } from './temporary-folder.ts'

/** A server and a client set up for it, with the writer logged in. */
export type Bench = {
  target: Target
  acts: Acts
  folder: string
  writer: Account
  /** Every request of the client, when asked for. */
  proxy?: CountingProxy
  image: (kind: Kind, seed?: string) => Promise<Image>
  account: (name: string, login: Login) => Promise<Account>
  /** The full name of a repository, as clients want it. */
  name: (repository: string) => string
}

export type BenchOptions = {
  tls: boolean
  /** Puts a proxy before the server that counts what the client sends; plain HTTP only. */
  counted?: boolean
}

/** Made before the first test of the suite around it, gone after the last; empty until then. */
export function useBench(client: Client, options: BenchOptions): Bench {
  const bench = {} as Bench
  const opened = new AsyncDisposableStack()
  before(async () => {
    Object.assign(bench, await openBench(client, options, opened))
    assertOk(await bench.acts.login(bench.writer))
  })
  after(() => opened.disposeAsync())
  return bench
}

async function openBench(client: Client, { tls, counted }: BenchOptions, opened: AsyncDisposableStack): Promise<Bench> {
  const folder = await temporaryFolder()
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const server = opened.use(await startTarget({ tls }))
  const proxy = counted ? opened.use(await countingProxy(server.host)) : undefined
  const target = proxy ? { ...server, host: proxy.host, url: `http://${proxy.host}` } : server
  const account = async (name: string, login: Login): Promise<Account> => {
    const { username, password } = login
    return { username, password, home: await subfolder(folder, `home-${name}`) }
  }
  return {
    target,
    folder,
    account,
    acts: opened.use(await client.open(target, await subfolder(folder, 'client'))),
    writer: await account('writer', target.writer),
    ...(proxy ? { proxy } : {}),
    image: (kind, seed = '') => makeImage(join(folder, `${kind}${seed}`), kind, { seed }),
    name: (repository) => `${target.host}/${target.registry}/${repository}`,
  }
}
