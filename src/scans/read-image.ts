import { setTimeout } from 'node:timers/promises'
import { DomainError } from '../domain/error.ts'
import { isNonDistributable } from '../domain/media-type.ts'
import { findLayerFacts, hasLayerFacts, insertLayerFacts } from '../metadata/tables/layer-facts.ts'
import type { EdgeRow, ScanSubject } from '../metadata/tables/scans.ts'
import type { Inventory, LayerFacts } from '../scanner/facts.ts'
import { ANALYZER_VERSION } from '../scanner/facts.ts'
import { checkConfig } from '../scanner/layers/check-config.ts'
import { mergeLayers } from '../scanner/layers/merge-layers.ts'
import type { ScansDeps } from './deps.ts'
import { measured, unpack } from './packed.ts'
import type { LayerAnswer } from './run-child.ts'

/** What cannot be told of an image, and why: for its owner. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

/** Of what all layers of one image say, as text: it is held together while they are merged. */
const MAX_FACT_BYTES = 128 * 1024 * 1024
/** A second layer is read at the same time, on another core, as soon as requests leave room for it: which is looked at so often. */
const LOOKED_AT_MS = 25
/** A config lists its layers and how they were made; those of real images have some kilobytes. */
const MAX_CONFIG_BYTES = 8 * 1024 * 1024

/** What an image holds, from its layers: those never read before are read now. @throws `Unreadable`, `ChildError` */
export async function readImage(
  deps: ScansDeps,
  subject: ScanSubject,
  { config, layers }: { readonly config: EdgeRow; readonly layers: readonly EdgeRow[] },
  signal: AbortSignal,
): Promise<Inventory> {
  const known = await factsOfAll(deps, subject, layers, signal)
  const read = layers.flatMap(({ digest }) => {
    const facts = known.get(digest)
    return facts ? [{ digest, facts }] : []
  })
  const inventory = mergeLayers(read)
  const lie = checkConfig(
    await diffIdsOf(deps, subject, config),
    read.map(({ facts }) => facts),
  )
  return lie === null ? inventory : { ...inventory, problems: [...inventory.problems, lie] }
}

/**
 * What was never read is read, two at a time and the largest first, so that it is not what all wait for in the end; the rest is looked up
 * meanwhile. What goes wrong with one ends all.
 */
async function factsOfAll(
  deps: ScansDeps,
  subject: ScanSubject,
  layers: readonly EdgeRow[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LayerFacts>> {
  const facts = new Map<string, LayerFacts>()
  const { stored, unread } = await sorted(deps, subject, layers)
  const failure = new AbortController()
  const either = AbortSignal.any([signal, failure.signal])
  let budget = MAX_FACT_BYTES
  const lane = async (waiting: EdgeRow[], room: () => Promise<void>): Promise<void> => {
    for (;;) {
      await room()
      const layer = failure.signal.aborted ? undefined : waiting.pop()
      if (layer === undefined) return
      const found = await factsOf(deps, subject, layer, { signal: either, isLast: unread.length === 0 })
      const said = found instanceof Uint8Array ? within(found, budget) : found
      if (said.bytes > budget) throw new Unreadable(TOO_MUCH)
      budget -= said.bytes
      facts.set(layer.digest, said.facts)
    }
  }
  const guarded = (waiting: EdgeRow[], room = async () => {}): Promise<void> =>
    lane(waiting, room).catch((error: unknown) => failure.abort(error))
  const roomForTwo = async (): Promise<void> => {
    while (unread.length > 0 && !failure.signal.aborted && deps.isBusy()) await setTimeout(LOOKED_AT_MS)
  }
  const first = guarded(unread)
  if (unread.length > 0) await setTimeout(LOOKED_AT_MS)
  await Promise.all([first, guarded(unread, roomForTwo), guarded(stored)])
  if (failure.signal.aborted) throw failure.signal.reason
  return facts
}

/** Each once, the largest at the end. */
async function sorted(deps: ScansDeps, { contract_id: contractId }: ScanSubject, layers: readonly EdgeRow[]) {
  const distinct = [...new Map(layers.map((layer) => [layer.digest, layer])).values()].sort((a, b) => a.size - b.size)
  const keys = distinct.map(({ digest }) => ({ contractId, digest, analyzerVersion: ANALYZER_VERSION }))
  const known = await deps.metadata.read(async (sql) => {
    const are: boolean[] = []
    for (const key of keys) are.push(await hasLayerFacts(sql, key))
    return are
  })
  return {
    stored: distinct.filter((_, index) => known[index] === true),
    unread: distinct.filter((_, index) => known[index] !== true),
  }
}

interface Said {
  readonly facts: LayerFacts
  /** As text. */
  readonly bytes: number
}

/** From the database as it lies there, else from the layer. One that could not be read to its end is not kept: the next time may be luckier. */
async function factsOf(
  deps: ScansDeps,
  subject: ScanSubject,
  { digest, media_type }: EdgeRow,
  reading: Reading,
): Promise<Uint8Array | Said> {
  // All others were there when the manifest was pushed: of what another repository holds, naming its digest tells nothing.
  if (isNonDistributable(media_type)) await open(deps, subject, digest)
  const key = { contractId: subject.contract_id, digest, analyzerVersion: ANALYZER_VERSION }
  const stored = await deps.metadata.read((sql) => findLayerFacts(sql, key))
  if (stored !== null) return stored
  const { facts } = await readLayer(deps, subject, digest, reading)
  const { packed, bytes } = measured(facts)
  if (!facts.problems.some(({ weight }) => weight === 'fatal'))
    await deps.metadata.transact((sql) => insertLayerFacts(sql, key, packed), { durable: false })
  return { facts, bytes }
}

function within(packed: Uint8Array, budget: number): Said {
  try {
    const { value, bytes } = unpack<LayerFacts>(packed, budget)
    return { facts: value, bytes }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Unreadable(TOO_MUCH, { cause: error })
  }
}

const TOO_MUCH = `what its layers hold takes more than ${MAX_FACT_BYTES} bytes to tell`

interface Reading {
  readonly signal: AbortSignal
  /** No other layer waits to be read. */
  readonly isLast: boolean
}

async function readLayer(
  deps: ScansDeps,
  subject: ScanSubject,
  digest: string,
  { signal, isLast }: Reading,
): Promise<LayerAnswer> {
  const { bytes } = await open(deps, subject, digest)
  const begun = isLast ? bytes : onceBegun(bytes, () => deps.prepareToRead())
  const first = await deps.readLayer(begun, [], signal)
  if (first.unreadLinks.length === 0) return first
  return await deps.readLayer((await open(deps, subject, digest)).bytes, first.unreadLinks, signal)
}

/** The next process starts while this layer is read, not before its own has begun. */
async function* onceBegun(bytes: AsyncIterable<Uint8Array>, act: () => void): AsyncGenerator<Uint8Array> {
  act()
  yield* bytes
}

/** Layers that clients fetch elsewhere need not be here. */
async function open({ openBlob }: ScansDeps, { registry_id, repository }: ScanSubject, digest: string) {
  try {
    return await openBlob(registry_id, repository, digest)
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'blob_unknown') throw error
    throw new Unreadable(`layer ${digest} is not here: it is fetched from elsewhere`, { cause: error })
  }
}

/** Null: it lists none that can be read, so it fits no layers. */
async function diffIdsOf(deps: ScansDeps, subject: ScanSubject, config: EdgeRow): Promise<readonly string[] | null> {
  const { size, bytes } = await open(deps, subject, config.digest)
  if (size > MAX_CONFIG_BYTES)
    throw new Unreadable(`its config has ${size} bytes; at most ${MAX_CONFIG_BYTES} are read`)
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk))
  try {
    const diffIds: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))?.rootfs?.diff_ids
    return Array.isArray(diffIds) && diffIds.every((one) => typeof one === 'string') ? diffIds : null
  } catch {
    return null
  }
}
