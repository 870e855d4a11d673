import type { Analyzer } from './analyzer.ts'
import { NOTHING, wholeFile } from './analyzer.ts'

const ABOUT = { analyzer: 'apt-sources', maxBytes: 64 * 1024, weight: 'partial' } as const

/**
 * Whether a Debian follows unstable, which has the os-release of testing (no version, `forky/sid`). Source: sources.list(5), both of its
 * formats.
 */
export const aptSources: Analyzer = {
  name: ABOUT.analyzer,
  open(entry) {
    const isOne =
      entry.path === 'etc/apt/sources.list' || /^etc\/apt\/sources\.list\.d\/[^/]+\.(?:list|sources)$/.test(entry.path)
    if (!isOne) return null
    return wholeFile(entry, ABOUT, (bytes) => {
      const isSid = bytes.toString('utf8').split('\n').some(namesSid)
      return isSid ? { ...NOTHING, hints: { 'apt-suite': 'sid' } } : NOTHING
    })
  },
}

/** `deb [arch=amd64] https://deb.debian.org/debian sid main`, or `Suites: unstable`. */
function namesSid(line: string): boolean {
  return (
    /^\s*deb(?:\s+\[[^\]]*\])?\s+\S+\s+(?:sid|unstable)(?:\s|$)/.test(line) ||
    /^Suites:(?:\s+\S+)*?\s+(?:sid|unstable)(?:\s|$)/i.test(line)
  )
}
