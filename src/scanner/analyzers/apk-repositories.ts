import type { Analyzer } from './analyzer.ts'
import { NOTHING, wholeFile } from './analyzer.ts'

const ABOUT = { analyzer: 'apk-repositories', maxBytes: 64 * 1024, weight: 'partial' } as const

/**
 * Whether an Alpine follows `edge`, which its os-release does not say (`3.21.0_alpha20240923`). Only `main` decides: release images often
 * add edge's `testing`, and a line with a tag (`@edge https://…`) is used only for packages that ask for it. Source: apk-repositories(5).
 */
export const apkRepositories: Analyzer = {
  name: ABOUT.analyzer,
  open(entry) {
    const isOne =
      entry.path === 'etc/apk/repositories' ||
      /^(?:etc|lib|usr\/lib)\/apk\/repositories\.d\/[^/]+\.list$/.test(entry.path)
    if (!isOne) return null
    return wholeFile(entry, ABOUT, (bytes) => {
      const isEdge = bytes.toString('utf8').split('\n').some(namesEdge)
      return isEdge ? { ...NOTHING, hints: { 'apk-repositories': 'edge' } } : NOTHING
    })
  },
}

/** `https://dl-cdn.alpinelinux.org/alpine/edge/main`; since apk 3 also `v2 https://…/alpine/edge main community`. */
function namesEdge(line: string): boolean {
  return /^\s*(?:v[23]\s+)?[^\s@#]\S*\/edge(?:\/main\/?\s*$|\/?(?:\s+\S+)*?\s+main(?:\s|$))/.test(line)
}
