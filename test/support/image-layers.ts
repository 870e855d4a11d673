import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { ANALYZERS } from '../../src/scanner/analyzers/list.ts'
import type { FileFacts, LayerFacts } from '../../src/scanner/facts.ts'
import { LAYER_LIMITS } from '../../src/scanner/layers/limits.ts'
import { readLayer } from '../../src/scanner/layers/read-layer.ts'

/** Package databases of real images, each a layer; a checkout without them beside it skips. */
export const IMAGES = fileURLToPath(new URL('../../../shared/data/images', import.meta.url))
export const skipWithoutImages = existsSync(IMAGES) ? false : 'no ../shared/data/images'

/** Names without `.tar.gz`. */
export function imageNames(pattern: RegExp): string[] {
  if (skipWithoutImages) return []
  const names = readdirSync(IMAGES).flatMap((file) =>
    file.endsWith('.tar.gz') ? file.slice(0, -'.tar.gz'.length) : [],
  )
  return names.filter((name) => pattern.test(name))
}

export async function layerFacts(image: string): Promise<LayerFacts> {
  const bytes = createReadStream(join(IMAGES, `${image}.tar.gz`))
  return (await readLayer({ bytes, analyzers: ANALYZERS, limits: LAYER_LIMITS, now: () => 0 })).facts
}

export async function filesOf(image: string, analyzer: string): Promise<FileFacts[]> {
  return (await layerFacts(image)).files.filter((file) => file.analyzer === analyzer)
}

/** The bare databases: `libuuid-Packages`, `sle15-bci-Packages.db`, `cbl-mariner-2.0-rpmdb.sqlite`. */
export function bareDatabase(name: string): Buffer {
  return gunzipSync(readFileSync(join(IMAGES, 'rpmdb', `${name}.gz`)))
}

/** One file of an image's layer, as a tar reader of a few lines finds it: another one than is tested. */
export function fileOf(image: string, path: string): Buffer {
  const archive = gunzipSync(readFileSync(join(IMAGES, `${image}.tar.gz`)))
  for (let at = 0; at + 512 <= archive.length; ) {
    const text = (from: number, bytes: number): string => archive.toString('latin1', at + from, at + from + bytes)
    const size = Number.parseInt(text(124, 12), 8) || 0
    const [name = ''] = text(0, 100).split('\0')
    if (name.replace(/^\.\//, '') === path) return archive.subarray(at + 512, at + 512 + size)
    at += 512 + 512 * Math.ceil(size / 512)
  }
  throw new Error(`${image} has no ${path}`)
}
