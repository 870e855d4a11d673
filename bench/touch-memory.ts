import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAtExit } from '../test/support/tools.ts'
import { mib } from './images.ts'

/**
 * Uses that much free memory once, as page cache. In a virtual machine the host gives memory at its first use and takes
 * it back when it has been free for a while: measured 2 s of processor time for each GB then written to files, more than
 * all else that a push costs, and whom it hits is a matter of luck. What was freed last is used first.
 */
export async function touchMemory(bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir())
  const size = Math.min(bytes, freemem() / 2, (bavail * bsize) / 4)
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-bench-touch-'))
  removeAtExit(folder)
  try {
    await using file = await open(join(folder, 'zeros'), 'wx')
    const zeros = Buffer.alloc(4 * mib)
    for (let written = 0; written < size; written += zeros.length) await file.write(zeros)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
