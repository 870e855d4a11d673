import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { Composed } from '../support/composed.ts'
import { runs } from '../support/fuzz.ts'
import type { Command } from './tenant-commands.ts'
import { command, fillIn, perform } from './tenant-commands.ts'
import { assertSame, observe, SameIds, steady, Tenant } from './tenant-world.ts'

// Nothing of one contract is visible, countable, touchable or inferable by another (design.md 8, issue 4). Contract x
// lives beside contract y on one server and alone on another one; both get the same requests of x, and y does what it
// likes, with x's ids and people too. Every answer to x, errors included, must be the same on both servers, and after
// each act of y all that x can see must be as it was. Names of registries are the declared exception: each contract uses
// its own here. So is, by design, that only the operator resets the password of somebody in two contracts.

let crowded: Composed
let alone: Composed
let round = 0
before(async () => {
  crowded = await Composed.open()
  alone = await Composed.open()
})
after(async () => {
  await crowded[Symbol.asyncDispose]()
  await alone[Symbol.asyncDispose]()
})

/** A run is some hundred requests: a fortieth of what the parsers get. */
const { numRuns, ...rest } = runs(200)

test('tenant isolation: a contract reads the same whatever another one does', async () => {
  const property = fc.asyncProperty(fc.array(command, { minLength: 4, maxLength: 16 }), async (commands) => {
    round += 1
    const x = await Tenant.found(crowded, 'x', round)
    const y = await Tenant.found(crowded, 'y', round)
    const solo = await Tenant.found(alone, 'x', round)
    await play({ x, y, solo, ids: new SameIds() }, commands)
  })
  await fc.assert(property, { ...rest, numRuns: Math.ceil(numRuns / 40) })
})

interface World {
  readonly x: Tenant
  readonly y: Tenant
  readonly solo: Tenant
  readonly ids: SameIds
}

async function play({ x, y, solo, ids }: World, commands: readonly Command[]): Promise<void> {
  let seen = await observe(x)
  ids.compare(seen, await observe(solo), 'at the start')
  for (const given of commands) {
    if (given.by === 1) {
      await perform(y, fillIn(given, y, x, round))
      assertSame(await observe(x), seen, `x, after y's ${given.act}`)
      continue
    }
    const asked = fillIn(given, x, y, round)
    const there = JSON.parse(ids.translate(JSON.stringify(asked))) as typeof asked
    ids.compare(steady(await perform(x, asked)), steady(await perform(solo, there)), `the answer to ${given.act}`)
    seen = await observe(x)
    ids.compare(seen, await observe(solo), `what x sees after ${given.act}`)
  }
}
