import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { setPriority } from 'node:os'
import { delimiter, join } from 'node:path'

const NICE = process.platform === 'win32' ? null : programNamed('nice')

/**
 * Starts a program so that it runs where others leave room. Not in Linux' idle class: measured beside 47,000 manifests a second it
 * read no layer at all in twelve seconds, and who waits for a report would wait as long as others push.
 */
export function spawnAtLowestPriority(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [file = '', ...args] = NICE ? [NICE, '-n', '19', ...command] : command
  const child = spawn(file, args, options)
  if (!NICE && child.pid !== undefined) setPriority(child.pid, 19)
  return child
}

/** In words; null: it ended well. */
export function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`it could not be started (${error.message})`))
    child.on('close', (code, by) => resolve(code === 0 ? null : by === null ? `exit code ${code}` : `signal ${by}`))
  })
}

/** The path of a program; null: there is none of that name. */
export function programNamed(name: string): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not there
    }
  }
  return null
}
