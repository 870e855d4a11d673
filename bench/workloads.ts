import { Client, headOf, sendAll } from './client.ts'
import type { Image } from './images.ts'
import {
  commonBlob,
  config,
  manifestOf,
  manifestType,
  mib,
  pushBlob,
  pushImage,
  pushManifest,
  uniqueBlob,
} from './images.ts'
import { metered } from './measure.ts'
import type { Sample } from './sample.ts'
import { sampleOf } from './sample.ts'
import type { Subject } from './subject.ts'
import type { Hammer } from './wrk.ts'
import { hammer } from './wrk.ts'
import type { Zb } from './zb.ts'
import { runZb, sizes } from './zb.ts'

/** How much a workload does. */
export type Scale = {
  clients: number
  /** Operations of a workload of zb. */
  count: number
  /** The same for workloads with blobs of 100 MB. */
  largeCount: number
  /** How long wrk runs. */
  seconds: number
  tags: number
  coldBlobs: number
}

/** What Entrepot is to reach, as a multiple of the other server; below the floor is a failure, the aim is better. */
export type Goal = { floor: number; aim: number }

export type Workload = {
  name: string
  goal?: Goal
  /** Starts the server anew, and so comes after everything else. */
  restarts?: boolean
  /** Writes so many new bytes that memory must be there for them. */
  fills?: boolean
  run: (subject: Subject, scale: Scale, seed: number) => Promise<Sample>
}

const least = (floor: number, aim = floor): Goal => ({ floor, aim })
const [small, medium, large] = sizes

export const workloads: readonly Workload[] = [
  zb('catalog after pushes', { does: 'catalog' }, least(3)),
  zb('push 1 MB', { does: 'push', size: small, how: 'monolith' }, least(1.4)),
  zb('push 10 MB', { does: 'push', size: medium, how: 'monolith' }, least(0.8, 1)),
  zb('push 100 MB', { does: 'push', size: large, how: 'monolith' }, least(0.8, 1)),
  zb('push streamed 1 MB', { does: 'push', size: small, how: 'streamed' }, least(1.4)),
  zb('push streamed 10 MB', { does: 'push', size: medium, how: 'streamed' }, least(0.8, 1)),
  zb('push streamed 100 MB', { does: 'push', size: large, how: 'streamed' }, least(0.8, 1)),
  zb('push unique 1 MB', { does: 'push', size: small, how: 'monolith', unique: true }, least(1.4)),
  zb('push unique 10 MB', { does: 'push', size: medium, how: 'monolith', unique: true }, least(0.8, 1)),
  zb('pull 1 MB', { does: 'pull', size: small }, least(1.8)),
  zb('pull 10 MB', { does: 'pull', size: medium }, least(1.1)),
  zb('pull 100 MB', { does: 'pull', size: large }),
  zb('pull 1, 10 and 100 MB (20, 70, 10 %)', { does: 'pull', size: [0.2, 0.7, 0.1] }),
  zb('push 1, 10 and 100 MB (20, 70, 10 %)', { does: 'push', size: [0.2, 0.7, 0.1], how: 'monolith' }),
  zb('push streamed 1, 10 and 100 MB (a third each)', { does: 'push', size: [0.33, 0.33, 0.34], how: 'streamed' }),
  zb('pull 75 % and push 25 % 1 MB', { does: 'pull and push', size: small }, least(2.2)),
  zb('pull 75 % and push 25 % 10 MB', { does: 'pull and push', size: medium }),
  zb('pull 75 % and push 25 % 100 MB', { does: 'pull and push', size: large }),
  hammered('manifest GET by tag', least(5), manifest('GET', 'tag')),
  hammered('manifest GET by digest', least(5), manifest('GET', 'digest')),
  hammered('manifest HEAD by tag', undefined, manifest('HEAD', 'tag')),
  hammered('manifest GET by tag, bearer token', least(5), manifest('GET', 'tag', 'bearer')),
  hammered('manifest GET by digest, bearer token', least(5), manifest('GET', 'digest', 'bearer')),
  hammered('manifest HEAD by tag, bearer token', undefined, manifest('HEAD', 'tag', 'bearer')),
  hammered('blob GET 1 MB, hot', least(4), hotBlob),
  hammered('catalog, n=100', least(3), catalog),
  hammered('tag list, n=100', least(3), tagList),
  { name: 'blob GET 1 MB, cold', goal: least(1, 1.5), restarts: true, run: coldBlobs },
]

function zb(name: string, workload: Zb, goal?: Goal): Workload {
  const { does } = workload
  const hasLarge = does !== 'catalog' && (typeof workload.size !== 'number' || workload.size === large)
  const fills = (does === 'push' || does === 'pull and push') && workload.size !== small
  return {
    name,
    fills,
    ...(goal === undefined ? {} : { goal }),
    run: (subject, { clients, count, largeCount }, seed) =>
      runZb(subject, workload, { clients, count: hasLarge ? largeCount : count, seed }),
  }
}

type Task = (subject: Subject, scale: Scale) => Promise<Pick<Hammer, 'method' | 'path' | 'headers'>>

function hammered(name: string, goal: Goal | undefined, task: Task): Workload {
  return {
    name,
    ...(goal === undefined ? {} : { goal }),
    run: async (subject, scale) => {
      const what = await task(subject, scale)
      return await hammer(subject, { ...what, connections: scale.clients, seconds: scale.seconds })
    },
  }
}

const hot = { repository: 'bench/hot', tag: 'v1' }

function hotImage(subject: Subject): Promise<Image> {
  return subject.fixture('hot image', async () => {
    using client = new Client(subject)
    return await pushImage(client, hot, commonBlob(mib), 'monolith')
  })
}

function manifest(method: 'GET' | 'HEAD', by: 'tag' | 'digest', scheme: 'basic' | 'bearer' = 'basic'): Task {
  return async (subject) => {
    const { repository, tag, digest } = await hotImage(subject)
    const authorization = scheme === 'basic' ? subject.authorization : await bearer(subject, repository)
    const path = `/v2/${repository}/manifests/${by === 'tag' ? tag : digest}`
    return { method, path, headers: { authorization, accept: manifestType } }
  }
}

/** As clients do it: asks for a token where the server's challenge says. */
async function bearer(subject: Subject, repository: string): Promise<string | undefined> {
  if (subject.authorization === undefined) return undefined
  const refusal = await fetch(`http://127.0.0.1:${subject.port}/v2/${repository}/manifests/none`)
  const challenge = refusal.headers.get('www-authenticate') ?? ''
  const part = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? ''
  const url = new URL(part('realm'))
  url.searchParams.set('service', part('service'))
  url.searchParams.set('scope', `repository:${repository}:pull`)
  const answer = await fetch(url, { headers: { authorization: subject.authorization } })
  if (!answer.ok) throw new Error(`no bearer token: ${answer.status} ${await answer.text()}`)
  const { token } = (await answer.json()) as { token: string }
  return `Bearer ${token}`
}

async function hotBlob(subject: Subject): ReturnType<Task> {
  const { repository } = await hotImage(subject)
  const path = `/v2/${repository}/blobs/${commonBlob(mib).digest}`
  return { method: 'GET', path, headers: { authorization: subject.authorization } }
}

function catalog(subject: Subject): ReturnType<Task> {
  const { authorization } = subject
  return Promise.resolve({ method: 'GET', path: '/v2/_catalog?n=100', headers: { authorization } })
}

async function tagList(subject: Subject, { tags }: Scale): ReturnType<Task> {
  const repository = await subject.fixture(`${tags} tags`, async () => {
    using client = new Client(subject)
    const target = { repository: `bench/tags-${tags}`, tag: 'v0' }
    const layer = commonBlob(4096)
    await pushBlob(client, target.repository, layer, 'monolith')
    await pushBlob(client, target.repository, config, 'monolith')
    for (let i = 0; i < tags; i++) await pushManifest(client, { ...target, tag: `v${i}` }, manifestOf(layer))
    return target.repository
  })
  return { method: 'GET', path: `/v2/${repository}/tags/list?n=100`, headers: { authorization: subject.authorization } }
}

/** Many blobs, each read once by a server that has just started. The kernel may still have their files in memory. */
async function coldBlobs(subject: Subject, { clients, coldBlobs: count }: Scale): Promise<Sample> {
  const requests = await subject.fixture('cold blobs', async () => {
    using client = new Client(subject)
    const { authorization } = subject
    const made: Buffer[] = []
    for (let i = 0; i < count; i++) {
      const blob = uniqueBlob(mib)
      await pushBlob(client, 'bench/cold', blob, 'monolith')
      made.push(headOf('GET', `/v2/bench/cold/blobs/${blob.digest}`, { authorization }))
    }
    return made
  })
  await subject.restart()
  let next = 0
  let outcome: Awaited<ReturnType<typeof sendAll>> | undefined
  const meter = await metered(subject.pids, async () => {
    outcome = await sendAll(subject.port, clients, () => requests[next++])
  })
  if (outcome === undefined) throw new Error('nothing ran')
  return sampleOf(outcome, meter)
}
