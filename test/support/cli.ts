import { COMMANDS, runCli } from '../../src/cli/cli.ts'
import type { CommandContext } from '../../src/cli/command.ts'

export interface TypedLine {
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What a person types; without it nobody sits there. */
  readonly typed?: readonly string[]
  readonly piped?: readonly string[]
  readonly now?: number
  readonly openLocal?: CommandContext['openLocal']
}

export interface Printed {
  readonly code: number
  readonly out: string
  readonly err: string
  /** What was printed, as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly json: any
}

/** A command line, with the words between single spaces, as `bin/entrepot` would run it. */
export async function type(line: string, given: TypedLine = {}): Promise<Printed> {
  const [out, err]: [string[], string[]] = [[], []]
  const lines = [...(given.typed ?? given.piped ?? [])]
  const context: CommandContext = {
    io: {
      out: (text) => void out.push(text),
      pour: async (chunks) => void out.push(String(Buffer.concat(await Array.fromAsync(chunks)))),
      err: (text) => void err.push(text),
      interactive: given.typed !== undefined,
      ask: async () => lines.shift() ?? '',
    },
    env: given.env ?? {},
    now: () => given.now ?? Date.now(),
    openLocal: given.openLocal ?? (() => Promise.reject(new Error('this command should not touch local data'))),
    restore: () => Promise.reject(new Error('this command should not restore anything')),
  }
  const code = await runCli(
    line.split(' ').filter((word) => word !== ''),
    context,
    COMMANDS,
  )
  const printed = out.join('\n')
  return {
    code,
    out: printed,
    err: err.join('\n'),
    get json() {
      return JSON.parse(printed)
    },
  }
}
