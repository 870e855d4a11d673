import type { Analyzer, AnalyzerResult, Entry } from './analyzer.ts'
import { wholeFile } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'
import { objectOf, parseJson } from './json.ts'

const NAME = 'nuget'
const FILE = { analyzer: NAME, maxBytes: 16 * 1024 * 1024, weight: 'fatal' } as const

/**
 * What a .NET program was built with: `APP.deps.json`, of the shared frameworks, too. Source: dotnet/sdk,
 * documentation/specs/runtime-configuration-file.md, "libraries".
 */
export const nuget: Analyzer = {
  name: NAME,
  open(entry) {
    return entry.path.endsWith('.deps.json') ? wholeFile(entry, FILE, (bytes) => parse(bytes, entry)) : null
  },
}

function parse(bytes: Buffer, entry: Entry): AnalyzerResult {
  const found = new FoundPackages({ path: entry.path, analyzer: NAME, type: 'nuget' })
  const { libraries } = objectOf(parseJson(bytes))
  // Other programs, too, may end the names of their files so.
  if (objectOf(libraries) !== libraries) found.problem('it has no list of libraries')
  for (const [key, value] of Object.entries(objectOf(libraries))) {
    const { type } = objectOf(value)
    const slash = key.lastIndexOf('/')
    if (slash <= 0) continue
    const [name, version] = [key.slice(0, slash), key.slice(slash + 1)]
    if (type === 'package') found.add({ namespace: null, name, version })
    // The runtime inside a self-contained program: the package that its advisories name, with a prefix.
    else if (type === 'runtimepack') found.add({ namespace: null, name: name.replace(/^runtimepack\./, ''), version })
  }
  return found.result()
}
