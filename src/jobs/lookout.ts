export interface Lookout extends AsyncDisposable {
  /** There may be something in a moment: what was asked for may still wait for its transaction to be written. */
  soon(): void
}

/** After `soon`, in milliseconds: an fsync takes from one to fifty. */
const QUICK_MS = [3, 5, 10, 20, 40, 80]
/** Who is asked again and again looks every 10 ms, not every 3. */
const QUICK_AGAIN = 2

/**
 * Looks whether there is something to do: every `everyMs`, and some times shortly after `soon`. Never twice at once; disposing waits
 * for the look that is under way. `look` never throws.
 */
export function lookOut(everyMs: number, look: () => Promise<unknown>): Lookout {
  let step = QUICK_MS.length
  let looking: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null
  let isOver = false
  const wait = (): void => {
    if (!isOver) timer = setTimeout(turn, QUICK_MS[step] ?? everyMs).unref()
    step = Math.min(step + 1, QUICK_MS.length)
  }
  const turn = (): void => {
    looking = look().then(() => {
      looking = null
      wait()
    })
  }
  wait()
  return {
    soon() {
      const isQuick = step < QUICK_MS.length
      step = isQuick ? Math.min(step, QUICK_AGAIN) : 0
      if (isQuick || looking !== null || timer === null) return
      clearTimeout(timer)
      wait()
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      if (timer) clearTimeout(timer)
      await looking
    },
  }
}
