import type { Analyzer, AnalyzerResult } from '../../src/scanner/analyzers/analyzer.ts'
import type { FoundPackage } from '../../src/scanner/package.ts'

/** What an analyzer makes of one file, given in pieces as a layer gives them; null: not one of its files. */
export async function analyzed(
  analyzer: Analyzer,
  path: string,
  content: string | Uint8Array,
  pieceBytes = 64 * 1024,
): Promise<AnalyzerResult | null> {
  const bytes = Buffer.from(content)
  const sink = analyzer.open({ path, size: bytes.length, mode: 0o644 })
  if (sink === null) return null
  for (let at = 0, wantsMore = true; wantsMore && at < bytes.length; at += pieceBytes) {
    wantsMore = sink.push(bytes.subarray(at, at + pieceBytes))
  }
  return await sink.end()
}

/** `libssl3 3.0.11-1 amd64 of openssl 3.0.11-1`, `npm 1:8-1 x86_64 in nodejs:16`: a table's line for one package. */
export function line({ name, version, architecture, source, module }: FoundPackage): string {
  const of = source === null ? '' : ` of ${source.name} ${source.version}`
  return `${name} ${version} ${architecture ?? '-'}${of}${module === null ? '' : ` in ${module}`}`
}
