import { ANALYZERS } from './scanner/analyzers/list.ts'
import { LAYER_LIMITS } from './scanner/layers/limits.ts'
import { readLayer } from './scanner/layers/read-layer.ts'
import type { LayerAnswer } from './scans/run-child.ts'

// Where hostile bytes meet code: a process of its own that gets a layer on stdin, answers what it says on stdout, and has nothing
// else. src/scans/run-child.ts starts it, bounds it and reads the answer.

/** `aliases`: pairs of a file and the other names its bytes are wanted for. */
export async function main(aliases: LayerAnswer['unreadLinks']): Promise<void> {
  const { facts, unreadLinks } = await readLayer({
    bytes: process.stdin,
    analyzers: ANALYZERS,
    limits: LAYER_LIMITS,
    now: () => performance.now(),
    aliases: new Map(aliases),
  })
  process.stdout.write(JSON.stringify({ facts, unreadLinks: [...unreadLinks] }))
}
