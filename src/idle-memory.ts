import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const LOOK_MS = 500
/** Of the time between two looks. Below it nobody is served. */
const IDLE = 0.05
/** So much work leaves garbage that is worth a pause of some 50 ms. */
const WORTH_MS = 300
/** All there is to collect, and its pages back to the system. */
const EVERYTHING = { type: 'major', execution: 'sync', flavor: 'last-resort' }

/**
 * Collects garbage when a busy time is over (starting is one). V8 collects when it allocates: a process that is asked nothing any
 * more keeps what its last work left, for hours. The pause meets nobody: it comes after half a second without work.
 */
export function collectWhenIdle(): Disposable {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as ((how: object) => void) | undefined
  let seen = performance.eventLoopUtilization()
  let workedMs = WORTH_MS
  const looking = setInterval(() => {
    const { active, utilization } = performance.eventLoopUtilization(seen)
    workedMs += active
    if (utilization <= IDLE && workedMs >= WORTH_MS) {
      collect?.(EVERYTHING)
      workedMs = 0
    }
    seen = performance.eventLoopUtilization()
  }, LOOK_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(looking) }
}
