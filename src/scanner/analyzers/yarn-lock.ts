import { linesIn } from './lines.ts'
import type { Locked } from './npm-lock.ts'

/**
 * Both forms of yarn.lock, line by line: `"a@^1", "a@^1.2":` and below it `version "1.2.3"` (v1), or `version: 1.2.3` with
 * `resolution: "a@npm:1.2.3"` (berry). Source: yarnpkg lockfile v1; yarn berry's `Project.setupResolutions`.
 * @throws when there is something in it, and nothing of a lock.
 */
export function* yarnLock(text: string): Generator<Locked> {
  checkIsLock(text)
  let [name, version] = ['', '']
  for (const line of linesIn(`${text}\nend:`)) {
    const key = /^(\S.*):\s*$/.exec(line)?.[1]
    if (key !== undefined && !line.startsWith('#')) {
      if (name !== '' && version !== '') yield { name, version }
      name = nameOf(key.replace(/^"/, ''))
      version = ''
    }
    version = /^ {2}version:?\s+"?([^"\s]+)"?\s*$/.exec(line)?.[1] ?? version
    const resolution = /^ {2}resolution:\s+"?([^"\s]+)"?\s*$/.exec(line)?.[1]
    // `a@workspace:.` is what is being built here, not something installed.
    if (resolution !== undefined) name = /^.[^@]*@(?:workspace|link|portal):/.test(resolution) ? '' : nameOf(resolution)
  }
}

function checkIsLock(text: string): void {
  const [hasLines, hasKeys] = [/^[^\s#]/m.test(text), /^[^\s#].*:[ \t\r]*$/m.test(text)]
  if (hasLines && !hasKeys) throw new Error('it is no lock file of yarn')
}

/** `@s/a@^1`, `a@npm:^1`, and of an alias (`a@npm:b@^1`) what it stands for. */
function nameOf(spec: string): string {
  const at = spec.indexOf('@', 1)
  if (at < 0) return ''
  const [, alias] = /^npm:(@?[^@]+)@/.exec(spec.slice(at + 1)) ?? []
  return alias ?? spec.slice(0, at)
}
