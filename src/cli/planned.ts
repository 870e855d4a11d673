import type { Command } from './command.ts'

/** Names that are taken for what comes; saying so beats "no such command". */
const PLANNED: readonly (readonly [string, string])[] = [
  ['gc', 'reclaim what nothing refers to'],
  ['explain', 'say why a digest is still here, or gone'],
]

export const PLANNED_COMMANDS: readonly Command[] = PLANNED.map(([name, summary]) => ({
  name,
  summary,
  commands: [],
  options: [],
  run: async (_args, { io }, words) => {
    io.err(`${words} ${name} (${summary}) comes in a later version`)
    return 1
  },
}))
