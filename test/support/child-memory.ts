import { readFileSync } from 'node:fs'
import { childrenOf } from './tools.ts'

/** The most that any child of this process took, from outside, while `act` runs; 0 where the system does not say. Linux only. */
export async function peakOfChildren<T>(
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly peakBytes: number }> {
  let peakBytes = 0
  const look = (): void => {
    for (const pid of childrenOf(process.pid)) peakBytes = Math.max(peakBytes, peakOf(pid))
  }
  const looking = setInterval(look, 20)
  try {
    return {
      result: await act(),
      get peakBytes() {
        return peakBytes
      },
    }
  } finally {
    clearInterval(looking)
  }
}

function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`)) ?? []
  return Number(kilobytes ?? 0) * 1024
}

/** '': it has ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
