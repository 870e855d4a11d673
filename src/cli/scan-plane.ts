import type { toChange, toReport } from '../api-v1/scan-wire.ts'
import { DomainError } from '../domain/error.ts'
import type { Actor } from '../registries/deps.ts'
import type { CommandContext } from './command.ts'
import type { ImageName } from './image-name.ts'
import { placeOf } from './image-name.ts'
import type { Local } from './local.ts'
import { withContract } from './local.ts'
import { localPlane } from './local-plane.ts'
import type { Plane, RegistryInfo, WhichPlane } from './plane.ts'
import { serverUnlessHere } from './plane.ts'
import type { ServerClient } from './server-client.ts'
import { ServerError } from './server-client.ts'
import { serverPlane } from './server-plane.ts'

/** As the API answers and `--json` prints them. */
export type ReportInfo = ReturnType<typeof toReport>
export type ChangeInfo = ReturnType<typeof toChange>

/** One repository's artifacts, here or on a server; `reference` is a tag or a digest. What is refused throws. */
export interface ScanPlane {
  /** Without the reference: `acme/team/app`. */
  readonly name: string
  /** Who does a scan that is not waited for: a sentence. */
  readonly whoElse: string
  report(reference: string): Promise<ReportInfo>
  /** The newest first. */
  history(reference: string, limit: number): Promise<readonly ChangeInfo[]>
  /** Asks for a scan, which somebody does soon. */
  scan(reference: string): Promise<void>
  /** Does what is asked until it is disposed, where nobody else may be there to do it. */
  work(say: (text: string) => void): Promise<AsyncDisposable>
}

export async function withScanPlane(
  which: WhichPlane,
  image: ImageName,
  context: CommandContext,
  act: (plane: ScanPlane) => Promise<number>,
): Promise<number> {
  const server = await serverUnlessHere(which, context)
  if (server !== null) return await act(await onServer(server, image))
  return await withContract(which, context, async (local, actor) => await act(await atMachine(local, actor, image)))
}

async function onServer(server: ServerClient, image: ImageName): Promise<ScanPlane> {
  const place = placeOf(image, await candidates(serverPlane(server), image), [new URL(server.url).host])
  if (place === null) throw new ServerError(404, noRegistry(image))
  const { registry, repository } = place
  const path = (reference: string) =>
    `/api/v1/registries/${registry.id}/repositories/${encodeURIComponent(repository)}/artifacts/${encodeURIComponent(reference)}`
  return {
    name: `${registry.name}/${repository}`,
    whoElse: `${server.url} does it`,
    report: (reference) => server.get(`${path(reference)}/report`),
    async history(reference, limit) {
      const { items } = await server.get<{ items: ChangeInfo[] }>(`${path(reference)}/history`, { limit })
      return items
    },
    scan: (reference) => server.send('POST', `${path(reference)}/scan`),
    work: async () => ({ [Symbol.asyncDispose]: async () => {} }),
  }
}

async function atMachine(local: Local, actor: Actor, image: ImageName): Promise<ScanPlane> {
  const { scans, work } = local.app
  const place = placeOf(image, await candidates(localPlane(local, actor), image), [local.host])
  if (place === null) throw new DomainError('not_found', noRegistry(image))
  const wire = await import('../api-v1/scan-wire.ts')
  await scans.followImports()
  const { registry, repository } = place
  const at = (digest: string) => ({ registryId: registry.id, repository, digest })
  return {
    name: `${registry.name}/${repository}`,
    whoElse: 'a server on this data does it, or the next scan here',
    report: async (reference) => wire.toReport(await scans.report(actor, at(reference))),
    async history(reference, limit) {
      return (await scans.history(actor, at(reference), { before: null, limit })).map(wire.toChange)
    },
    scan: (reference) => scans.scan(actor, at(reference)),
    work: async (say) => work(say),
  }
}

/** A contract may have many registries: only a host may be that of any. */
async function candidates(plane: Plane, { host, path }: ImageName): Promise<readonly RegistryInfo[]> {
  return host === null ? [await plane.getRegistry(path.split('/', 1)[0] ?? '')] : await plane.listRegistries()
}

function noRegistry({ host, path }: ImageName): string {
  const name = [...(host === null ? [] : [host]), path.split('/', 1)[0]].join('/')
  return `no registry of this contract has images named ${name}/…`
}
