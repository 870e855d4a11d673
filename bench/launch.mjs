// Starts on Node 20, installs what is missing, and hands over to Node 26, which strips the types of the program.
import { fileURLToPath } from 'node:url'
import { ensureInstalled, nodeBinary, run, runsHere } from '../scripts/ensure.mjs'

/** Runs `main` of `program`, a module beside the file `self`. */
export async function launch(self, program) {
  await ensureInstalled()
  if (!runsHere()) {
    process.exitCode = await run(nodeBinary(), [fileURLToPath(self), ...process.argv.slice(2)])
    return
  }
  const { main } = await import(new URL(program, self).href)
  process.exitCode = await main(process.argv.slice(2))
}
