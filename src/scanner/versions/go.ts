import type { Compare } from './compare.ts'
import { compareSemver } from './semver.ts'

/**
 * Modules are semantic versions (`v1.2.3`, pseudo-versions, `+incompatible`); the toolchain's are not: `go1.21rc2` is
 * `1.21.0-rc.2`. Source: go.dev/ref/mod, go.dev/doc/toolchain. `(devel)` is no version: null.
 */
export const compareGo: Compare = (a, b) => compareSemver(goVersion(a), goVersion(b))

const TOOLCHAIN = /^(?:go)?(\d+\.\d+(?:\.\d+)?)(alpha|beta|rc)(\d+)/

export function goVersion(text: string): string {
  const [, numbers, word, number] = TOOLCHAIN.exec(text) ?? []
  if (numbers !== undefined) return `${numbers}-${word}.${number}`
  // `go1.21.3-custom`, `go1.20 X:boringcrypto`: what is behind was built in, not released.
  return text.replace(/^go(?=\d)/, '').replace(/[ ].*$/, '')
}
