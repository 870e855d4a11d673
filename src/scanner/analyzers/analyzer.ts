import type { FileFacts } from '../facts.ts'

/** A regular file of a layer, before its bytes. Hard links to package databases are resolved by the walker. */
export interface Entry {
  /** Relative, normalised: no leading `./` or `/`, no `..`, no empty parts. */
  readonly path: string
  readonly size: number
  readonly mode: number
}

export type AnalyzerResult = Omit<FileFacts, 'path' | 'analyzer'>

/** Takes the bytes of one file as they stream by. */
export interface Sink {
  /** `chunk` is only valid during the call: copy what is kept. @returns false when it has seen enough; `end` still comes. */
  push(chunk: Uint8Array): boolean
  /**
   * Never throws for what is in the file: bad content is a problem in the result. May be asynchronous (inflating a nested jar). Null: it is
   * none of its files after all.
   */
  end(): AnalyzerResult | null | Promise<AnalyzerResult>
}

/** Recognises one kind of file. Pure: knows no layer, no image, no database. */
export interface Analyzer {
  readonly name: string
  /** Null: not one of its files. Asked for every regular file of a layer, a million of them: cheap. */
  open(entry: Entry): Sink | null
}

export const NOTHING: AnalyzerResult = { packages: [], owns: [], os: null, hints: {}, problems: [] }

/** Most files are small and parsed whole. One that is larger than `maxBytes` is a problem of that weight, never silence. */
export function wholeFile(
  entry: Entry,
  about: { readonly analyzer: string; readonly maxBytes: number; readonly weight: 'fatal' | 'partial' },
  parse: (bytes: Buffer) => AnalyzerResult | Promise<AnalyzerResult>,
): Sink {
  const { analyzer, maxBytes, weight } = about
  const tooLarge = entry.size > maxBytes
  const bytes = Buffer.allocUnsafe(tooLarge ? 0 : entry.size)
  let filled = 0
  return {
    push(chunk) {
      if (tooLarge) return false
      const taken = chunk.subarray(0, bytes.length - filled)
      bytes.set(taken, filled)
      filled += taken.length
      return filled < bytes.length
    },
    async end() {
      const fail = (reason: string): AnalyzerResult => ({
        ...NOTHING,
        problems: [{ path: entry.path, where: analyzer, reason, weight }],
      })
      if (tooLarge) return fail(`the file has ${entry.size} bytes; at most ${maxBytes} are read`)
      if (filled < bytes.length) return fail(`the file ends after ${filled} of ${bytes.length} bytes`)
      try {
        return await parse(bytes)
      } catch (error) {
        return fail(error instanceof Error ? error.message : 'unreadable')
      }
    },
  }
}
