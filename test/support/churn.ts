import { rpmHeader } from './rpm-databases.ts'

/** What rpm does to its database over the years: packages come, go and are replaced under new numbers. */
export interface Churn {
  readonly steps: readonly ({ readonly add: number; readonly header: Buffer } | { readonly remove: number })[]
  /** Names of those that stay. */
  readonly left: readonly string[]
}

/** The same for the same seed. Headers of a few hundred bytes to some tens of kilobytes. */
export function churn(seed: number, steps: number): Churn {
  const random = randomFrom(seed)
  const live: number[] = []
  const done: Churn['steps'][number][] = []
  for (let number = 1; done.length < steps; ) {
    if (live.length > 0 && random(100) < 45) {
      const [remove = 0] = live.splice(random(live.length), 1)
      done.push({ remove })
    } else {
      live.push(number)
      done.push({ add: number, header: headerOf(number, random(4) === 0 ? random(900) : random(60)) })
      number += 1
    }
  }
  return { steps: done, left: live.map((number) => `p${number}`).sort() }
}

function headerOf(number: number, files: number): Buffer {
  const names = Array.from({ length: files }, (_, file) => `/usr/bin/tool-${file}`)
  return rpmHeader({ name: `p${number}`, version: '1', release: '1', files: names })
}

/** Source: Park and Miller, "minimal standard": a test needs no better. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}
