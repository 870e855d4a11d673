import type { Analyzer, Entry, Sink } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'

const NAME = 'pypi'
/** Name and Version stand before the licence and the description, which can be long. */
const HEADER_BYTES = 1024 * 1024

/** Source: PyPA, recording installed projects; setuptools' formats of eggs (a folder, or of distutils one file). */
const PLACE = /(?:\.dist-info\/METADATA|(?:\.egg-info|\/EGG-INFO|^EGG-INFO)\/PKG-INFO|[^/]\.egg-info)$/

/** Installed Python projects, named as `pip list` names them. Zipped ones: see archives.ts. */
export const pypi: Analyzer = {
  name: NAME,
  open(entry) {
    return isPypiMetadata(entry.path) ? header(entry) : null
  },
}

export function isPypiMetadata(path: string): boolean {
  return PLACE.test(path)
}

function header(entry: Entry): Sink {
  const bytes = Buffer.allocUnsafe(Math.min(entry.size, HEADER_BYTES))
  let filled = 0
  return {
    push(chunk) {
      const taken = chunk.subarray(0, bytes.length - filled)
      bytes.set(taken, filled)
      filled += taken.length
      return filled < bytes.length
    },
    end() {
      if (entry.size === 0) return NOTHING
      const found = new FoundPackages({ path: entry.path, analyzer: NAME, type: 'pypi' })
      const { name, version } = pypiMetadata(bytes.toString('utf8', 0, filled))
      if (name && version) found.add({ namespace: null, name, version })
      else found.problem('its header has no Name or no Version')
      return found.result()
    },
  }
}

/** Of the header block only: a description may have lines `Version: …`, too. Source: core metadata, RFC 822 headers. */
export function pypiMetadata(text: string): { readonly name: string; readonly version: string } {
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length
  const block = text.slice(0, end)
  const field = (name: RegExp): string => name.exec(block)?.[1]?.trim() ?? ''
  return { name: field(/^Name[ \t]*:(.*)$/im), version: field(/^Version[ \t]*:(.*)$/im) }
}
