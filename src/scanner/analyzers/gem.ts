import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'

const NAME = 'gem'
const FILE = { analyzer: NAME, maxBytes: 1024 * 1024, weight: 'partial' } as const
/** Installed gems, and those that come with Ruby (`default`). */
const PLACE = /(?:^|\/)specifications\/(?:default\/)?([^/]+)\.gemspec$/

/** Installed gems, named as `gem list` names them. */
export const gem: Analyzer = {
  name: NAME,
  open(entry) {
    const [, file] = PLACE.exec(entry.path) ?? []
    return file === undefined ? null : wholeFile(entry, FILE, (bytes) => parse(bytes.toString(), file, entry))
  },
}

/** What RubyGems itself reads first. Source: rubygems/stub_specification.rb: `# stub: NAME VERSION PLATFORM REQUIRE_PATHS`. */
const STUB = /^# stub: (\S+) (\S+) /m
/** Of gemspecs without it, which are programs; these lines look alike in all that RubyGems writes. */
const NAME_LINE = /^[ \t]*\w+\.name[ \t]*=[ \t]*(?:%q\{([^}\n]+)\}|["']([^"'\n]+)["'])/m
const VERSION_LINE =
  /^[ \t]*\w+\.version[ \t]*=[ \t]*(?:Gem::Version\.new\([ \t]*)?(?:%q\{([^}\n]+)\}|["']([^"'\n]+)["'])/m

function parse(text: string, file: string, entry: Entry): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer: NAME, type: 'gem' })
  const stub = STUB.exec(text)
  const name = stub?.[1] ?? wordOf(NAME_LINE.exec(text))
  const version = stub?.[2] ?? wordOf(VERSION_LINE.exec(text))
  // `nokogiri-1.8.2-x86_64-linux`
  const [, fileName, fileVersion] = /^(.+?)-(\d[^-]*)(?:-.*)?$/.exec(file) ?? []
  if (name && version) found.add({ namespace: null, name, version })
  else if (fileName && fileVersion) {
    found.add({ namespace: null, name: fileName, version: fileVersion, doubt: 'known by the name of its gemspec only' })
  } else found.problem('it says neither name nor version of its gem')
  return found.result()
}

function wordOf(match: RegExpExecArray | null): string | undefined {
  return match?.[1] ?? match?.[2]
}
