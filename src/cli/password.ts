import type { Io } from './command.ts'
import { UsageError } from './define.ts'

/** Asked twice of a person, read once from a pipe; never from the command line, which other processes can see. */
export async function readSecret(io: Io, what: string): Promise<string> {
  const secret = await io.ask(`${what}: `, { hidden: true })
  if (secret === '') throw new UsageError(`the ${what} is empty: type one, or pipe one line into the command`)
  if (io.interactive && (await io.ask(`${what} again: `, { hidden: true })) !== secret) {
    throw new UsageError(`the two are not the same: nothing was changed`)
  }
  return secret
}

/** Whether the person wants it, by typing `word`. Without a terminal only `yes` counts. */
export async function confirm(io: Io, question: string, word: string, yes: boolean): Promise<void> {
  if (yes) return
  if (!io.interactive) throw new UsageError(`${question}\nAdd --yes to do so without being asked.`)
  if ((await io.ask(`${question}\nType ${word} to go on: `, { hidden: false })) !== word) {
    throw new UsageError('nothing was changed')
  }
}
