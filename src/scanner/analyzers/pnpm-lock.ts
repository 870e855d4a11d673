import { linesIn } from './lines.ts'
import type { Locked } from './npm-lock.ts'

/** `/a/1.0.0`, `/a/1.0.0_peer` (5), `/a@1.0.0(peer@1)` (6), `a@1.0.0` (9). */
const KEY = /^\/?((?:@[^/@]+\/)?[^/@]+)[@/](\d[^(_/:]*)/

/**
 * The keys of `packages:` of pnpm-lock.yaml, without a YAML parser: pnpm writes it itself, one key a line, two blanks in. Source: pnpm
 * spec, lockfile 5, 6.0, 9.0.
 */
export function* pnpmLock(text: string): Generator<Locked> {
  let open: Locked | null = null
  for (const line of packagesOf(text)) {
    const key = /^ {2}(\S.*?):(?: \{.*)?\s*$/.exec(line)?.[1]
    if (key !== undefined) {
      if (open) yield open
      open = lockedOf(key.replace(/^['"]|['"]$/g, ''))
    } else if (/^ {4}dev: true\s*$/.test(line)) open = null
  }
  if (open) yield open
}

function* packagesOf(text: string): Generator<string> {
  let isInPackages = false
  let isLock = false
  for (const line of linesIn(text)) {
    if (/^\S/.test(line)) {
      isInPackages = line.startsWith('packages:')
      isLock ||= isInPackages || line.startsWith('lockfileVersion:')
    } else if (isInPackages) yield line
  }
  if (!isLock && text.trim() !== '') throw new Error('it is no lock file of pnpm')
}

function lockedOf(key: string): Locked | null {
  const [, name, version] = KEY.exec(key) ?? []
  return name !== undefined && version !== undefined ? { name, version } : null
}
