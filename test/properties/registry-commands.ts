import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import * as fc from 'fast-check'
import type { Digest } from '../../src/domain/digest.ts'
import type { ErrorKind } from '../../src/domain/error.ts'
import { DomainError } from '../../src/domain/error.ts'
import type { TagName } from '../../src/domain/reference.ts'
import type { RepositoryName } from '../../src/domain/repository-name.ts'
import type { Gc } from '../../src/gc/gc.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { bodyOf, place, pusher, sha256 } from '../support/registry.ts'
import { observe } from './registry-observation.ts'
import type { Oracle, Session } from './registry-oracle.ts'
import { imageOf, indexOf, PAYLOADS, payload, REPOSITORIES, TAGS } from './registry-oracle.ts'

/** Several processes on one database and one store. */
export interface System {
  readonly processes: readonly Registry[]
  readonly gc: Gc
  readonly clock: { now: number }
}

export const IDLE_MS = 24 * 3_600_000

type Act = fc.AsyncCommand<Oracle, System>

/** How an act ended: its value, or the kind of its refusal; anything unexpected flies. */
type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly kind: ErrorKind }

async function outcome<T>(act: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await act }
  } catch (error) {
    if (error instanceof DomainError) return { ok: false, kind: error.kind }
    throw error
  }
}

function refused(result: Outcome<unknown>, ...kinds: ErrorKind[]): void {
  assert.ok(!result.ok && kinds.includes(result.kind), `${JSON.stringify(result)}, expected ${kinds.join(' or ')}`)
}

function command(name: string, run: (oracle: Oracle, system: System) => Promise<void>, needsSession = false): Act {
  return {
    check: (oracle) => !needsSession || oracle.sessions.length > 0,
    run,
    toString: () => name,
  }
}

const at = (system: System, index: number): Registry => {
  const registry = system.processes[index % system.processes.length]
  assert.ok(registry)
  return registry
}

const byTag = (tag: string) => ({ kind: 'tag', tag: tag as TagName }) as const
const byDigest = (digest: Digest) => ({ kind: 'digest', digest }) as const

function push(where: string, blob: number, pieces: number, process: number): Act {
  return command(`push payload ${blob} to ${where} in ${pieces} pieces`, async (oracle, system) => {
    const bytes = payload(blob)
    const { id } = await at(system, process).startUpload(place(where), pusher, 'sha256')
    const step = Math.max(1, Math.ceil(bytes.length / pieces))
    let next = process
    for (let from = 0; pieces > 0 && from < bytes.length; from += step) {
      const chunk = bytes.subarray(from, from + step)
      next += 1
      const { size } = await at(system, next).appendToUpload(place(where), pusher, id, bodyOf(chunk))
      assert.equal(size, from + chunk.length)
    }
    const rest = pieces === 0 ? bytes : Buffer.alloc(0)
    const digest = sha256(bytes)
    const done = await at(system, next + 1).finishUpload(place(where), pusher, id, digest, bodyOf(rest))
    assert.deepEqual(done, { digest, size: bytes.length })
    oracle.link(where, bytes)
  })
}

function open(where: string, process: number): Act {
  return command(`open an upload in ${where}`, async (oracle, system) => {
    const { id } = await at(system, process).startUpload(place(where), pusher, 'sha256')
    oracle.sessions.push({ id, repository: where, bytes: Buffer.alloc(0), touchedAt: system.clock.now })
  })
}

const append = (which: number, blob: number, process: number): Act =>
  command(
    `append payload ${blob} to session ${which}`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const after = session.bytes.length + payload(blob).length
      const range = payload(blob).length === 0 ? null : { first: session.bytes.length, last: after - 1 }
      const where = place(session.repository)
      const state = await at(system, process).appendToUpload(where, pusher, session.id, bodyOf(payload(blob), range))
      assert.equal(state.size, after)
      session.bytes = Buffer.concat([session.bytes, payload(blob)])
      session.touchedAt = system.clock.now
    },
    true,
  )

const outOfOrder = (which: number, process: number): Act =>
  command(
    `append out of order to session ${which}`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const first = session.bytes.length + 1
      const act = at(system, process).appendToUpload(
        place(session.repository),
        pusher,
        session.id,
        bodyOf(Buffer.from('xyz'), { first, last: first + 2 }),
      )
      refused(await outcome(act), 'range_invalid')
    },
    true,
  )

/** A client that goes away in the middle: what arrived is kept, and said. */
const interrupt = (which: number, blob: number, process: number): Act =>
  command(
    `break off payload ${blob} to session ${which}`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const arrived = payload(blob).subarray(0, Math.ceil(payload(blob).length / 2))
      const stream = Readable.from(breakingOff(arrived))
      const body = { stream, length: payload(blob).length, range: null }
      const where = place(session.repository)
      const act = at(system, process).appendToUpload(where, pusher, session.id, body)
      refused(await outcome(act), 'blob_upload_invalid')
      const { size } = await at(system, process + 1).uploadStatus(where, pusher, session.id)
      assert.equal(size, session.bytes.length + arrived.length)
      session.bytes = Buffer.concat([session.bytes, arrived])
      session.touchedAt = system.clock.now
    },
    true,
  )

async function* breakingOff(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield Buffer.from(bytes)
  await new Promise(setImmediate)
  throw new Error('the client went away')
}

const finish = (which: number, process: number): Act =>
  command(
    `finish session ${which}`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const digest = sha256(session.bytes)
      const act = () =>
        at(system, process).finishUpload(place(session.repository), pusher, session.id, digest, bodyOf(Buffer.alloc(0)))
      assert.deepEqual(await act(), { digest, size: session.bytes.length })
      assert.deepEqual(await act(), { digest, size: session.bytes.length }, 'a repeated PUT is answered alike')
      oracle.link(session.repository, session.bytes)
      oracle.end(session)
    },
    true,
  )

const finishWrong = (which: number, process: number): Act =>
  command(
    `finish session ${which} with a wrong digest`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const where = place(session.repository)
      const wrong = sha256(Buffer.from('something else'))
      refused(
        await outcome(at(system, process).finishUpload(where, pusher, session.id, wrong, bodyOf(Buffer.alloc(0)))),
        'digest_mismatch',
      )
      refused(await outcome(at(system, process).uploadStatus(where, pusher, session.id)), 'blob_upload_unknown')
      oracle.end(session)
    },
    true,
  )

const cancel = (which: number, process: number): Act =>
  command(
    `cancel session ${which}`,
    async (oracle, system) => {
      const session = oracle.session(which)
      await at(system, process).cancelUpload(place(session.repository), pusher, session.id)
      oracle.end(session)
    },
    true,
  )

function mount(from: string | null, to: string, blob: number, process: number): Act {
  return command(`mount payload ${blob} from ${from ?? 'anywhere'} into ${to}`, async (oracle, system) => {
    const digest = sha256(payload(blob))
    const sources = from === null ? REPOSITORIES : [from]
    const possible = sources.some((source) => oracle.hasBlob(source, digest))
    const mounted = await at(system, process).mountBlob(place(to), pusher, digest, from as RepositoryName | null)
    assert.equal(mounted, possible)
    if (mounted) oracle.link(to, payload(blob))
  })
}

interface ImageInput {
  readonly config: number
  readonly layers: readonly number[]
  readonly subject: number | null
}

function imageFrom(oracle: Oracle, { config, layers, subject }: ImageInput) {
  const known = oracle.allManifests()
  const chosen = subject === null ? null : (known[subject % (known.length + 1)] ?? sha256(Buffer.from('absent')))
  return imageOf(payload(config), layers.map(payload), chosen)
}

function pushImage(where: string, input: ImageInput, tag: string | null, process: number): Act {
  return command(`push image ${JSON.stringify(input)} to ${where}:${tag}`, async (oracle, system) => {
    const image = imageFrom(oracle, input)
    await pushManifest(oracle, at(system, process), where, image, tag)
  })
}

/** As clients do: ask for each blob, upload what is absent, then the manifest. */
function pushWhole(where: string, input: ImageInput, tag: string | null, process: number): Act {
  return command(`push image ${JSON.stringify(input)} whole to ${where}:${tag}`, async (oracle, system) => {
    for (const bytes of [input.config, ...input.layers].map(payload)) {
      const there = await at(system, process).statBlob(place(where), pusher, sha256(bytes))
      assert.equal(there !== null, oracle.hasBlob(where, sha256(bytes)))
      if (there) continue
      const { id } = await at(system, process).startUpload(place(where), pusher, 'sha256')
      await at(system, process).finishUpload(place(where), pusher, id, sha256(bytes), bodyOf(bytes))
      oracle.link(where, bytes)
    }
    await pushManifest(oracle, at(system, process + 1), where, imageFrom(oracle, input), tag)
  })
}

function pushIndex(where: string, children: readonly number[], tag: string | null, process: number): Act {
  return command(`push an index of ${children} to ${where}:${tag}`, async (oracle, system) => {
    const known = oracle.allManifests()
    const digests = children.map((child) => known[child % (known.length + 1)] ?? sha256(Buffer.from('absent child')))
    await pushManifest(oracle, at(system, process), where, indexOf(digests), tag)
  })
}

async function pushManifest(
  oracle: Oracle,
  registry: Registry,
  where: string,
  manifest: ReturnType<typeof imageOf>,
  tag: string | null,
): Promise<void> {
  const digest = sha256(manifest.bytes)
  const reference = tag === null ? byDigest(digest) : byTag(tag)
  const sent = { mediaType: null, bytes: manifest.bytes }
  const result = await outcome(registry.pushManifest(place(where), pusher, reference, [], sent))
  if (!oracle.complete(where, manifest)) return refused(result, 'manifest_blob_unknown')
  const tags = tag === null ? [] : [tag]
  assert.deepEqual(result, { ok: true, value: { digest, subject: manifest.subject, tags } })
  oracle.store(where, manifest, tag)
}

function deleteTag(where: string, tag: string, process: number): Act {
  return command(`delete ${where}:${tag}`, async (oracle, system) => {
    const result = await outcome(at(system, process).deleteManifest(place(where), pusher, byTag(tag)))
    if (oracle.find(where)?.tags.delete(tag)) assert.ok(result.ok, JSON.stringify(result))
    else refused(result, 'manifest_unknown')
  })
}

function deleteManifest(where: string, which: number, process: number): Act {
  return command(`delete manifest ${which} of ${where}`, async (oracle, system) => {
    const all = oracle.allManifests()
    const digest = all[which % Math.max(1, all.length)] ?? sha256(Buffer.from('absent'))
    const result = await outcome(at(system, process).deleteManifest(place(where), pusher, byDigest(digest)))
    if (!oracle.find(where)?.manifests.has(digest)) return refused(result, 'manifest_unknown')
    if (oracle.referrer(where, digest, 'index') !== null) return refused(result, 'in_use')
    assert.ok(result.ok, JSON.stringify(result))
    oracle.deleteManifest(where, digest)
  })
}

function deleteBlob(where: string, blob: number, process: number): Act {
  return command(`delete payload ${blob} from ${where}`, async (oracle, system) => {
    const digest = sha256(payload(blob))
    const result = await outcome(at(system, process).deleteBlob(place(where), pusher, digest))
    if (!oracle.hasBlob(where, digest)) return refused(result, 'blob_unknown')
    if (oracle.referrer(where, digest, 'image') !== null) return refused(result, 'in_use')
    assert.ok(result.ok, JSON.stringify(result))
    oracle.find(where)?.blobs.delete(digest)
  })
}

/** Two requests on one session at once: whoever is told "done" was right. */
const raceAppends = (which: number, left: number, right: number): Act =>
  command(
    `append payloads ${left} and ${right} to session ${which} at once`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const where = place(session.repository)
      const [small, other] = [payload(left % 3), payload(right % 3)]
      const act = (process: number, bytes: Buffer) =>
        outcome(at(system, process).appendToUpload(where, pusher, session.id, bodyOf(bytes)))
      const results = await Promise.all([act(0, small), act(1, other)])
      const done = results.flatMap((result, index) =>
        result.ok ? [{ bytes: index === 0 ? small : other, size: result.value.size }] : [],
      )
      for (const result of results) if (!result.ok) refused(result, 'range_invalid')
      assert.ok(done.length > 0, 'one of two must get through')
      done.sort((a, b) => a.size - b.size || a.bytes.length - b.bytes.length)
      for (const { bytes } of done) session.bytes = Buffer.concat([session.bytes, bytes])
      const { size } = await at(system, 1).uploadStatus(where, pusher, session.id)
      assert.equal(size, session.bytes.length)
      session.touchedAt = system.clock.now
    },
    true,
  )

const raceFinish = (which: number, against: 'append' | 'cancel' | 'finish'): Act =>
  command(
    `finish session ${which} and ${against} at once`,
    async (oracle, system) => {
      const session = oracle.session(which)
      const where = place(session.repository)
      const digest = sha256(session.bytes)
      const more = Buffer.from('more')
      const rivals = {
        append: () => at(system, 1).appendToUpload(where, pusher, session.id, bodyOf(more)),
        cancel: () => at(system, 1).cancelUpload(where, pusher, session.id),
        finish: () => at(system, 1).finishUpload(where, pusher, session.id, digest, bodyOf(Buffer.alloc(0))),
      }
      const [finished, rival] = await Promise.all([
        outcome(at(system, 0).finishUpload(where, pusher, session.id, digest, bodyOf(Buffer.alloc(0)))),
        outcome<unknown>(rivals[against]()),
      ])
      if (finished.ok || (against === 'finish' && rival.ok)) {
        if (against !== 'finish') assert.ok(!rival.ok, 'both were told that they did it')
        oracle.link(session.repository, session.bytes)
        oracle.end(session)
        return
      }
      refused(finished, 'range_invalid', 'blob_upload_unknown', 'digest_mismatch')
      assert.ok(rival.ok, 'one of two must get through')
      if (against === 'append' && finished.kind !== 'digest_mismatch') await appended(oracle, system, session, more)
      else oracle.end(session)
    },
    true,
  )

async function appended(_oracle: Oracle, system: System, session: Session, more: Buffer): Promise<void> {
  session.bytes = Buffer.concat([session.bytes, more])
  session.touchedAt = system.clock.now
  const { size } = await at(system, 0).uploadStatus(place(session.repository), pusher, session.id)
  assert.equal(size, session.bytes.length)
}

function raceImageAgainstBlob(where: string, input: ImageInput): Act {
  return command(
    `push image ${JSON.stringify(input)} to ${where} and delete its config at once`,
    async (oracle, system) => {
      const image = imageFrom(oracle, { ...input, subject: null })
      const config = sha256(payload(input.config))
      const wasComplete = oracle.complete(where, image)
      const wasUsed = oracle.referrer(where, config, 'image') !== null
      const wasThere = oracle.hasBlob(where, config)
      const [pushed, deleted] = await Promise.all([
        outcome(
          at(system, 0).pushManifest(place(where), pusher, byDigest(sha256(image.bytes)), [], {
            mediaType: null,
            bytes: image.bytes,
          }),
        ),
        outcome(at(system, 1).deleteBlob(place(where), pusher, config)),
      ])
      if (!wasComplete) refused(pushed, 'manifest_blob_unknown')
      if (!wasThere) refused(deleted, 'blob_unknown')
      assert.ok(!(pushed.ok && deleted.ok), 'a live manifest lost its config')
      if (wasComplete && wasThere && !wasUsed) assert.ok(pushed.ok || deleted.ok, 'one of two must get through')
      if (pushed.ok) oracle.store(where, image, null)
      if (deleted.ok) oracle.find(where)?.blobs.delete(config)
    },
  )
}

/** Two clients push the same layer, as they do all day. */
function raceUploads(where: string, other: string, blob: number): Act {
  return command(`push payload ${blob} to ${where} and ${other} at once`, async (oracle, system) => {
    const bytes = payload(blob)
    await Promise.all(
      [where, other].map(async (repository, process) => {
        const { id } = await at(system, process).startUpload(place(repository), pusher, 'sha256')
        await at(system, process).finishUpload(place(repository), pusher, id, sha256(bytes), bodyOf(bytes))
      }),
    )
    oracle.link(where, bytes)
    oracle.link(other, bytes)
  })
}

function raceTags(where: string, tag: string, left: ImageInput, right: ImageInput): Act {
  return command(`move ${where}:${tag} to two images at once`, async (oracle, system) => {
    const images = [left, right].map((input) => imageFrom(oracle, { ...input, subject: null }))
    const results = await Promise.all(
      images.map(({ bytes }, process) =>
        outcome(at(system, process).pushManifest(place(where), pusher, byTag(tag), [], { mediaType: null, bytes })),
      ),
    )
    for (const [index, image] of images.entries()) {
      const result = results[index] as Outcome<unknown>
      if (oracle.complete(where, image)) assert.ok(result.ok, JSON.stringify(result))
      else refused(result, 'manifest_blob_unknown')
      if (result.ok) oracle.store(where, image, null)
    }
    const now = await at(system, 0).statManifest(place(where), pusher, byTag(tag))
    const pushed = images.filter((image) => oracle.complete(where, image)).map((image) => sha256(image.bytes))
    if (pushed.length === 0 || now === null) return
    assert.ok(pushed.includes(now.digest), 'the tag points elsewhere')
    oracle.make(where).tags.set(tag, now.digest)
  })
}

function racePushAgainstDelete(where: string, which: number, tag: string): Act {
  return command(`push manifest ${which} to ${where}:${tag} and delete it at once`, async (oracle, system) => {
    const all = oracle.manifestsIn(where)
    const digest = all[which % Math.max(1, all.length)]
    const manifest = digest === undefined ? undefined : oracle.find(where)?.manifests.get(digest)
    if (digest === undefined || manifest === undefined) return
    const sent = { mediaType: null, bytes: manifest.bytes }
    const [pushed, deleted] = await Promise.all([
      outcome(at(system, 0).pushManifest(place(where), pusher, byTag(tag), [], sent)),
      outcome(at(system, 1).deleteManifest(place(where), pusher, byDigest(digest))),
    ])
    assert.ok(pushed.ok, JSON.stringify(pushed))
    if (oracle.referrer(where, digest, 'index') !== null) refused(deleted, 'in_use')
    else assert.ok(deleted.ok, JSON.stringify(deleted))
    if (deleted.ok) oracle.deleteManifest(where, digest)
    oracle.make(where).tags.delete(tag)
    if ((await at(system, 1).statManifest(place(where), pusher, byDigest(digest))) !== null)
      oracle.store(where, manifest, tag)
  })
}

function raceIndexAgainstChild(where: string, which: number): Act {
  return command(
    `push an index of manifest ${which} to ${where} and delete the child at once`,
    async (oracle, system) => {
      const all = oracle.manifestsIn(where)
      const child = all[which % Math.max(1, all.length)]
      if (child === undefined) return
      const index = indexOf([child])
      const [pushed, deleted] = await Promise.all([
        outcome(
          at(system, 0).pushManifest(place(where), pusher, byDigest(sha256(index.bytes)), [], {
            mediaType: null,
            bytes: index.bytes,
          }),
        ),
        outcome(at(system, 1).deleteManifest(place(where), pusher, byDigest(child))),
      ])
      assert.ok(pushed.ok, JSON.stringify(pushed))
      if (oracle.referrer(where, child, 'index') !== null) refused(deleted, 'in_use')
      else if (!deleted.ok) refused(deleted, 'in_use')
      if (deleted.ok) oracle.deleteManifest(where, child)
      oracle.store(where, index, null)
    },
  )
}

function crossMounts(left: string, right: string, blob: number): Act {
  return command(`mount payload ${blob} from ${left} to ${right} and back at once`, async (oracle, system) => {
    const digest = sha256(payload(blob))
    const wasThere = [left, right].map((repository) => oracle.hasBlob(repository, digest))
    const [to, back] = await Promise.all([
      at(system, 0).mountBlob(place(right), pusher, digest, left as RepositoryName),
      at(system, 1).mountBlob(place(left), pusher, digest, right as RepositoryName),
    ])
    if (wasThere[0]) assert.ok(to)
    if (wasThere[1]) assert.ok(back)
    if (!wasThere[0] && !wasThere[1]) assert.ok(!to && !back)
    if (to) oracle.link(right, payload(blob))
    if (back) oracle.link(left, payload(blob))
  })
}

/** Minutes whose sums never are the end of a session's 24 hours: another clock's milliseconds decide nothing. */
function tick(minutes: number): Act {
  return command(`${minutes} minutes pass, and the sweeps run`, async (oracle, system) => {
    system.clock.now += minutes * 60_000
    await system.gc.expireUploads()
    await system.gc.removeObjects()
    oracle.sessions = oracle.sessions.filter((session) => system.clock.now - session.touchedAt <= IDLE_MS)
  })
}

function look(process: number): Act {
  return command('look at everything', async (oracle, system) => {
    await observe(oracle, at(system, process))
  })
}

export function commands(most: number): fc.Arbitrary<Iterable<Act>> {
  const where = fc.constantFrom(...REPOSITORIES)
  const blob = fc.nat({ max: PAYLOADS.length - 1 })
  const process = fc.nat({ max: 1 })
  const which = fc.nat({ max: 20 })
  const tag = fc.option(fc.constantFrom(...TAGS))
  const input = fc.record({ config: blob, layers: fc.array(blob, { maxLength: 3 }), subject: fc.option(which) })
  const children = fc.array(which, { maxLength: 3 })
  return fc.commands<Oracle, System, false>(
    [
      fc.tuple(where, blob, fc.nat({ max: 4 }), process).map((args) => push(...args)),
      fc.tuple(where, input, tag, process).map((args) => pushImage(...args)),
      fc.tuple(where, input, tag, process).map((args) => pushWhole(...args)),
      fc.tuple(where, input, tag, process).map((args) => pushWhole(...args)),
      fc.tuple(where, children, tag, process).map((args) => pushIndex(...args)),
      fc.tuple(fc.option(where), where, blob, process).map((args) => mount(...args)),
      fc.tuple(where, process).map((args) => open(...args)),
      fc.tuple(where, process).map((args) => open(...args)),
      fc.tuple(where, process).map((args) => open(...args)),
      fc.tuple(which, blob, process).map((args) => append(...args)),
      fc.tuple(which, blob, process).map((args) => interrupt(...args)),
      fc.tuple(which, process).map((args) => outOfOrder(...args)),
      fc.tuple(which, process).map((args) => finish(...args)),
      fc.tuple(which, process).map((args) => finishWrong(...args)),
      fc.tuple(which, process).map((args) => cancel(...args)),
      fc.tuple(which, blob, blob).map((args) => raceAppends(...args)),
      fc.tuple(which, fc.constantFrom('append', 'cancel', 'finish')).map((args) => raceFinish(...args)),
      fc.tuple(where, input).map((args) => raceImageAgainstBlob(...args)),
      fc.tuple(where, where, blob).map((args) => raceUploads(...args)),
      fc.tuple(where, where, blob).map((args) => crossMounts(...args)),
      fc.tuple(where, fc.constantFrom(...TAGS), input, input).map((args) => raceTags(...args)),
      fc.tuple(where, which, fc.constantFrom(...TAGS)).map((args) => racePushAgainstDelete(...args)),
      fc.tuple(where, which).map((args) => raceIndexAgainstChild(...args)),
      fc.tuple(where, fc.constantFrom(...TAGS), process).map((args) => deleteTag(...args)),
      fc.tuple(where, which, process).map((args) => deleteManifest(...args)),
      fc.tuple(where, blob, process).map((args) => deleteBlob(...args)),
      fc.constantFrom(67, 311, 1_500).map(tick),
      process.map(look),
    ],
    { maxCommands: most, size: 'max' },
  )
}
