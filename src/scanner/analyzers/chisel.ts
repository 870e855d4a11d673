import { constants, zstdDecompressSync } from 'node:zlib'
import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { objectOf, parseJson, textOf } from './json.ts'
import { linesOf, OsDatabase, word } from './os-database.ts'

/** Also read by `mergeLayers`: dropped where dpkg's own status says the same, with the sources. */
export const CHISEL = 'chisel'
const FILE = { analyzer: CHISEL, maxBytes: 4 * 1024 * 1024, weight: 'fatal' } as const
/** The largest seen has 2 MB: a line for each path. */
const MAX_UNPACKED = 32 * 1024 * 1024
/** A frame says how much memory whoever reads it must take. */
const PARAMS = { [constants.ZSTD_d_windowLogMax]: 25 }

/**
 * Slices of Ubuntu packages, in images that have no dpkg. Source: canonical/chisel, "Chisel manifest": JSON lines in zstd, those of kind `package`
 * with name, version and architecture.
 */
export const chisel: Analyzer = {
  name: CHISEL,
  open(entry) {
    if (entry.path !== 'var/lib/chisel/manifest.wall') return null
    return wholeFile(entry, FILE, (bytes) => parse(bytes, entry))
  },
}

function parse(bytes: Buffer, { path }: Entry): AnalyzerResult {
  const database = new OsDatabase({ path, analyzer: CHISEL, type: 'deb' })
  const wall = unpacked(bytes)
  let isFirst = true
  // One line at a time: the lines of 32 MB of blank ones would not fit.
  for (const line of linesOf(wall)) {
    if (isFirst) checkHead(line)
    isFirst = false
    // Paths are by far the most, and are long: only what says that it is a package is parsed.
    if (!line.includes('"kind":"package"')) continue
    const { name, version, arch } = objectOf(parseJson(Buffer.from(line)))
    const [called, build] = [word(textOf(name), 'name'), word(textOf(version), 'version')]
    database.add({
      name: called,
      version: build,
      architecture: textOf(arch) === '' ? null : word(textOf(arch), 'architecture'),
      source: null,
    })
  }
  if (isFirst) checkHead('')
  const { problems, ...result } = database.result()
  const reason =
    'it names no source packages, by which Ubuntu names vulnerabilities: the packages of this system cannot be judged'
  return { ...result, problems: [...problems, { path, where: CHISEL, reason, weight: 'fatal' }] }
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAX_UNPACKED, params: PARAMS })
  } catch (error) {
    throw new Error('it is damaged, or too large when it is unpacked', { cause: error })
  }
}

function checkHead(line: string): void {
  if (textOf(objectOf(parseJson(Buffer.from(line)))['jsonwall']) === '') throw new Error('it is no manifest of chisel')
}
