import { readSync } from 'node:fs'
import { ANALYZERS } from './scanner/analyzers/list.ts'
import { LAYER_LIMITS } from './scanner/layers/limits.ts'
import { readLayer } from './scanner/layers/read-layer.ts'
import type { LayerAnswer } from './scans/run-child.ts'

// Where hostile bytes meet code: a process of its own that gets a layer on stdin, answers what it says on stdout, and has nothing
// else. src/scans/run-child.ts starts it, bounds it and reads the answer.

const PIECE_BYTES = 256 * 1024

/** `aliases`: pairs of a file and the other names its bytes are wanted for. */
export async function main(aliases: LayerAnswer['unreadLinks']): Promise<void> {
  const { facts, unreadLinks } = await readLayer({
    bytes: pieces(),
    analyzers: ANALYZERS,
    limits: LAYER_LIMITS,
    now: processorMs,
    aliases: new Map(aliases),
  })
  for (const piece of answerIn({ facts, unreadLinks: [...unreadLinks] })) process.stdout.write(piece)
}

/** Of all threads: on a machine that has no time for it, a layer takes none of its own. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const PIECE_CHARACTERS = 256 * 1024

/** As JSON, in pieces: all of it at once, as a text and as bytes, would take as much again as what it says. */
function* answerIn({ facts, unreadLinks }: LayerAnswer): Generator<string> {
  const { files, links, whiteouts, opaque, ...rest } = facts
  yield `{"facts":${JSON.stringify(rest).slice(0, -1)}`
  for (const [name, list] of Object.entries({ files, links, whiteouts, opaque })) yield* member(name, list)
  yield '}'
  yield* member('unreadLinks', unreadLinks)
  yield '}'
}

function* member(name: string, list: readonly unknown[]): Generator<string> {
  let piece = `,"${name}":[`
  for (const [index, one] of list.entries()) {
    piece += `${index === 0 ? '' : ','}${JSON.stringify(one)}`
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  yield `${piece}]`
}

/**
 * Of what comes on stdin, read without a stream: a process that has nothing else to do may wait for it. Each lies where the one before
 * it lay: memory for all of them would be most of the garbage.
 */
async function* pieces(): AsyncGenerator<Uint8Array> {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  for (let read = -1; read !== 0; ) {
    read = readSync(0, piece)
    yield piece.subarray(0, read)
  }
}
