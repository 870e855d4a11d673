import type { Analyzer, AnalyzerResult } from '../../src/scanner/analyzers/analyzer.ts'

/** What one analyzer says of a file with this content, pushed in pieces; null: not one of its files. */
export async function analyze(
  analyzer: Analyzer,
  path: string,
  content: string | Uint8Array,
  about: { readonly mode?: number; readonly size?: number; readonly piece?: number } = {},
): Promise<AnalyzerResult | null> {
  const bytes = Buffer.from(content)
  const { mode = 0o644, size = bytes.length, piece = 64 * 1024 } = about
  const sink = analyzer.open({ path, size, mode })
  if (sink === null) return null
  for (let at = 0; at < bytes.length; at += piece) {
    // The walker's buffer is written over afterwards: whoever kept it without a copy is found out.
    const chunk = Buffer.from(bytes.subarray(at, at + piece))
    const more = sink.push(chunk)
    chunk.fill(0x2a)
    if (!more) break
  }
  return await sink.end()
}

/** `name version`, with the namespace in front where there is one; problems as `!weight reason`. */
export function told(result: AnalyzerResult | null): string[] | null {
  if (result === null) return null
  return [
    ...result.packages.map(
      ({ namespace, name, version, doubt }) =>
        `${namespace === null ? '' : `${namespace}/`}${name} ${version}${doubt === null ? '' : ` ? ${doubt}`}`,
    ),
    ...result.problems.map(({ weight, reason }) => `!${weight} ${reason}`),
  ]
}
