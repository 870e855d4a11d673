import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NICE = process.platform === 'win32' ? null : programNamed('nice')
const CHRT = process.platform === 'linux' ? programNamed('chrt') : null

/**
 * Words before a program's own, by which it runs only where nobody else would. Linux' idle class gives way at once to a process
 * that has a request to answer; the lowest niceness only soon. Empty: there is no such program here.
 */
export const AT_LOWEST_PRIORITY: readonly string[] = CHRT ? [CHRT, '--idle', '0'] : NICE ? [NICE, '-n', '19'] : []

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
