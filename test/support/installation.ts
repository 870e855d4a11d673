import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Digest } from '../../src/domain/digest.ts'
import type { TagName } from '../../src/domain/reference.ts'
import { prepare } from '../../src/first-start.ts'
import { SILENT } from '../../src/http/log.ts'
import type { Stores } from '../../src/open-stores.ts'
import { openStores } from '../../src/open-stores.ts'
import type { Rooms } from '../../src/rooms.ts'
import { createRooms } from '../../src/rooms.ts'
import { bodyOf, place, pushBlob, pusher, readBlob, sha256 } from './registry.ts'

/** An embedded installation as its processes have it: real files, SQLite, a key file; without HTTP. Registry `acme` has id 1. */
export interface Installation extends AsyncDisposable {
  readonly config: Config
  readonly stores: Stores
  readonly rooms: Rooms
  pushImage(tag: string, layerBytes?: number): Promise<PushedImage>
  /** All of it, bit-exact. @throws what the registry throws */
  pullImage(image: PushedImage): Promise<void>
  /** Opens a session and leaves it, with these bytes. */
  beginUpload(bytes: Uint8Array): Promise<string>
}

export interface PushedImage {
  readonly tag: string
  readonly digest: Digest
  readonly manifest: Buffer
  readonly blobs: readonly Buffer[]
}

export const APP = place('team/app')

export async function temporaryFolder(t: { after(act: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function configOf(data: string, env: Record<string, string> = {}): Config {
  return loadConfig({
    ENTREPOT_DATA: data,
    ENTREPOT_WORKERS: '1',
    ENTREPOT_ADVISORY_SOURCES: 'none',
    ENTREPOT_MIN_FREE_BYTES: '0',
    ENTREPOT_ADMIN_PASSWORD: 'a long enough password',
    ...env,
  })
}

/** A new one, or what lies there. */
export async function openInstallation(config: Config): Promise<Installation> {
  await prepare(config)
  const stores = await openStores(config)
  const rooms = createRooms(stores, config, SILENT)
  const { registries, registry } = rooms
  const operator = { email: 'o', userId: 'u', label: 'operator', address: null, contractId: 1, registryIds: null }
  const input = { name: 'acme', location: null, gcSchedule: null, scanning: true, allowList: [] }
  await registries.getNamed(operator, 'acme').catch(() => registries.create(operator, input))
  await registries.settle()
  return {
    config,
    stores,
    rooms,
    pushImage: async (tag, layerBytes = 300_000) => {
      const blobs = [Buffer.from(JSON.stringify({ tag })), randomBytes(layerBytes), randomBytes(10)]
      for (const bytes of blobs) await pushBlob(registry, APP, bytes)
      const manifest = manifestOf(blobs)
      const reference = { kind: 'tag', tag: tag as TagName } as const
      const { digest } = await registry.pushManifest(APP, pusher, reference, [], { mediaType: null, bytes: manifest })
      return { tag, digest, manifest, blobs }
    },
    pullImage: async ({ tag, manifest, blobs }) => {
      const pulled = await registry.pullManifest(APP, pusher, { kind: 'tag', tag: tag as TagName }, false)
      if (!manifest.equals(pulled.bytes)) throw new Error(`${tag} is another manifest`)
      for (const bytes of blobs)
        if (!bytes.equals(await readBlob(registry, APP, sha256(bytes)))) throw new Error(`${tag} has other bytes`)
    },
    beginUpload: async (bytes) => {
      const { id } = await registry.startUpload(APP, pusher, 'sha256')
      await registry.appendToUpload(APP, pusher, id, bodyOf(bytes))
      return id
    },
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  }
}

function manifestOf([config, ...layers]: readonly Buffer[]): Buffer {
  const descriptor = (bytes: Buffer | undefined, mediaType: string) => ({
    mediaType,
    digest: sha256(bytes ?? Buffer.alloc(0)),
    size: bytes?.length ?? 0,
  })
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')),
    }),
  )
}
