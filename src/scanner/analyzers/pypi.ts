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

/**
 * What a project brings along as a part of itself (`setuptools/_vendor`, `ensurepip/_bundled`) or to test itself with is not installed:
 * no import finds it, and no pip lists it.
 */
const BROUGHT_ALONG = /(?:^|\/)(?:_vendor|_bundled|pkg_resources\/tests)\//
/** Where pip installs to, installed is what lies there, not deeper. */
const SITE = /^(?:.*\/)?(?:site|dist)-packages\//
const INSTALLED =
  /^[^/]+(?:\.(?:egg|whl|egg-info)|\.dist-info\/METADATA|\.egg-info\/PKG-INFO|\.egg\/EGG-INFO\/PKG-INFO)$/i

export function isPypiMetadata(path: string): boolean {
  return PLACE.test(path) && isInstalledAt(path)
}

/** Of metadata, or of an egg or wheel. */
export function isInstalledAt(path: string): boolean {
  if (BROUGHT_ALONG.test(path)) return false
  const site = SITE.exec(path)?.[0]
  return site === undefined || INSTALLED.test(path.slice(site.length))
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
