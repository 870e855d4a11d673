import { COMMANDS, runCli } from './cli/cli.ts'
import { createIo } from './cli/io.ts'
import { serveCommand } from './cli/serve.ts'

/** The process's entry, called by bin/entrepot. Resolves to the exit code; the caller decides when to exit. */
export async function main(argv: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWhenNobodyReads)
  const io = createIo({ input: process.stdin, output: process.stdout, errors: process.stderr })
  const openLocal: Parameters<typeof runCli>[1]['openLocal'] = async (config) =>
    await (await import('./compose.ts')).openLocal(config)
  const restore: Parameters<typeof runCli>[1]['restore'] = async (config, options) =>
    await (await import('./local-restore.ts')).restoreLocal(config, options)
  const context = { io, env: process.env, now: Date.now, openLocal, restore }
  return await runCli(argv, context, [serveCommand, ...COMMANDS])
}

/** `entrepot config schema | head` closes the pipe early: that is no failure. */
function endWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
