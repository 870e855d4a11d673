import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NICE = process.platform === 'win32' ? null : programNamed('nice')

/**
 * Words before a program's own, by which it runs where others leave room. Not Linux' idle class: measured beside 47,000 manifests a
 * second it read no layer at all in twelve seconds, and who waits for a report would wait as long as others push. Empty: there is
 * no such program here.
 */
export const AT_LOWEST_PRIORITY: readonly string[] = NICE ? [NICE, '-n', '19'] : []

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
