import type { Problem } from '../facts.ts'
import type { Analyzer, AnalyzerResult, Entry, Sink } from './analyzer.ts'
import { NOTHING } from './analyzer.ts'
import { FoundPackages } from './found-packages.ts'
import type { Bytes, Holder } from './held-bytes.ts'
import { HELD_BYTES, KeptBytes, partOf, wholeBytes } from './held-bytes.ts'
import type { JarName } from './java-names.ts'
import { fileName, manifestFields, manifestName, pomName } from './java-names.ts'
import { isInstalledAt, isPypiMetadata, pypiMetadata } from './pypi.ts'
import type { ZipEntry } from './zip.ts'
import { contentOf, dataOf, ZipError, zipEntries } from './zip.ts'
import { ZipParts } from './zip-parts.ts'

const NAME = 'archive'
const JAVA = /\.(?:jar|war|ear|par|sar|jpi|hpi|kar|nar)$/i
const PYTHON = /\.(?:egg|whl)$/i
const POM = /(?:^|\/)META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/

/** Jars in jars; real ones have three levels (ear, war, jar). */
const MAX_DEPTH = 5
/** The file and the nested archives around what is being read, which were deflated: all of them are held at that moment. */
const MAX_LIVE_BYTES = HELD_BYTES + 40 * 1024 * 1024
/** All that is inflated for one file: a nested bomb is made of small ones. */
const MAX_INFLATED_BYTES = 1024 * 1024 * 1024
/**
 * What was inflated in vain is only freed when all is done (Node's zlib closes what failed later): a jar of 50,000 damaged entries took
 * a gigabyte. Beyond this the rest of the file is not read.
 */
const MAX_VAIN_BYTES = 64 * 1024 * 1024
/** Deflate cannot do better. Source: zlib, "Maximum Compression Factor". */
const MAX_FACTOR = 1032
const MAX_ENTRIES = 400_000
const MAX_TEXT_BYTES = 1024 * 1024

/** Zip archives that are installed as they are: of Java, nested ones too, and of Python. */
export function archives(holder: Holder): Analyzer {
  return { name: NAME, open: (entry) => (isInstalled(entry.path) ? new ArchiveSink(entry, holder) : null) }
}

function isInstalled(path: string): boolean {
  return JAVA.test(path) || (PYTHON.test(path) && isInstalledAt(path))
}

function isArchive(path: string): boolean {
  return JAVA.test(path) || PYTHON.test(path)
}

class ArchiveSink implements Sink {
  readonly #entry: Entry
  readonly #holder: Holder
  #held: { readonly kept: KeptBytes; readonly parts: ZipParts | null; readonly release: () => void } | null = null
  #offset = 0

  constructor(entry: Entry, holder: Holder) {
    this.#entry = entry
    this.#holder = holder
  }

  push(chunk: Uint8Array): boolean {
    this.#held ??= this.#hold()
    const { kept, parts } = this.#held
    if (parts) parts.push(chunk)
    else kept.keep(this.#offset, chunk)
    this.#offset += chunk.length
    return true
  }

  end(): AnalyzerResult {
    if (this.#held === null) return NOTHING
    const { kept, parts, release } = this.#held
    parts?.end()
    try {
      return new ArchiveReader(this.#entry.path).read(kept)
    } finally {
      release()
    }
  }

  #hold() {
    const { size } = this.#entry
    const { buffer, release } = this.#holder.take(size)
    const kept = new KeptBytes(size, buffer)
    const wants = (name: string, isStored: boolean) => {
      if (isText(name)) return 'content'
      // What is in a nested archive that is stored is found by itself, as it goes by.
      return isArchive(name) ? (isStored ? 'header' : 'content') : null
    }
    return { kept, parts: size > HELD_BYTES ? new ZipParts(kept, wants) : null, release }
  }
}

function isText(name: string): boolean {
  return POM.test(name) || name === 'META-INF/MANIFEST.MF' || isPypiMetadata(name)
}

class ArchiveReader {
  readonly #java: FoundPackages
  readonly #python: FoundPackages
  readonly #path: string
  #entries = 0
  #inflated = 0
  #live = 0
  #vain = 0

  constructor(path: string) {
    this.#path = path
    this.#java = new FoundPackages({ path, analyzer: NAME, type: 'maven' })
    this.#python = new FoundPackages({ path, analyzer: NAME, type: 'pypi' })
  }

  read(bytes: Bytes): AnalyzerResult {
    this.#live = Math.min(bytes.size, HELD_BYTES)
    this.#guard(this.#path, () => this.#archive(bytes, this.#path, 1))
    const [java, python] = [this.#java.result(), this.#python.result()]
    return {
      ...NOTHING,
      packages: [...java.packages, ...python.packages],
      problems: [...java.problems, ...python.problems],
    }
  }

  /** What is wrong with one archive or entry is a problem of its path; the others are read. */
  #guard(path: string, act: () => void): void {
    try {
      act()
    } catch (error) {
      const [reason, weight]: [string, Problem['weight']] =
        error instanceof ZipError ? [error.message, error.weight] : ['it cannot be read', 'partial']
      this.#java.problem(reason, weight, path.slice(0, 4096))
    }
  }

  #archive(bytes: Bytes, path: string, depth: number): void {
    const names: JarName[] = []
    let manifest: JarName | null = null
    for (const entry of zipEntries(bytes)) {
      this.#entries += 1
      if (this.#entries > MAX_ENTRIES) throw new ZipError(`it has more than ${MAX_ENTRIES} entries`, 'fatal')
      const { name } = entry
      if (isArchive(name))
        this.#guard(`${path}!/${name}`, () => this.#nested(bytes, entry, `${path}!/${name}`, depth + 1))
      else if (isText(name)) {
        this.#guard(path, () => {
          const text = this.#inflate(bytes, entry, MAX_TEXT_BYTES).toString()
          if (isPypiMetadata(name)) this.#project(text, path)
          else if (POM.test(name)) names.push(...nonNull(pomName(text)))
          else manifest = manifestName(manifestFields(text), path.slice(path.lastIndexOf('/') + 1))
        })
      }
    }
    if (JAVA.test(path)) this.#jar(names, manifest, path)
  }

  #nested(bytes: Bytes, entry: ZipEntry, path: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new ZipError(`archives lie in it more than ${MAX_DEPTH} deep`, 'fatal')
    if (entry.method === 0) {
      const { start, size } = dataOf(bytes, entry)
      this.#archive(partOf(bytes, start, size), path, depth)
    } else {
      const content = this.#inflate(bytes, entry, MAX_LIVE_BYTES - this.#live)
      this.#live += content.length
      try {
        this.#archive(wholeBytes(content), path, depth)
      } finally {
        this.#live -= content.length
      }
    }
  }

  /** What turns out to be damaged or too large has cost its time, too: a thousand entries may be the same bytes. */
  #inflate(bytes: Bytes, entry: ZipEntry, maxBytes: number): Buffer {
    const left = MAX_INFLATED_BYTES - this.#inflated
    if (left <= 0) throw new ZipError(`it has more than ${MAX_INFLATED_BYTES} bytes of what is read`, 'fatal')
    const most = Math.max(0, Math.min(maxBytes, left))
    if (this.#vain > MAX_VAIN_BYTES) throw new ZipError('too many of its entries are damaged or too large', 'fatal')
    const cost = Math.min(most, entry.compressedSize * MAX_FACTOR)
    this.#vain += cost
    this.#inflated += cost
    const content = contentOf(bytes, entry, most)
    this.#vain -= cost
    this.#inflated += content.length - cost
    return content
  }

  #project(text: string, path: string): void {
    const { name, version } = pypiMetadata(text)
    if (name !== '' && version !== '') this.#python.add({ namespace: null, name, version, path })
    else this.#python.problem('its header has no Name or no Version', 'partial', path)
  }

  #jar(poms: readonly JarName[], manifest: JarName | null, path: string): void {
    const file = fileName(path.slice(path.lastIndexOf('/') + 1))
    const own = manifest ?? file
    const names = own === null || !isBesides(own, file, poms) ? poms : [own, ...poms]
    const seen = new Set<string>()
    for (const { group, artifact, version, doubt } of names) {
      const key = `${group} ${artifact} ${version}`
      if (!seen.has(key)) this.#java.add({ namespace: group, name: artifact, version, doubt, path })
      seen.add(key)
    }
  }
}

/**
 * Is the jar itself none of the projects whose poms lie in it? Of what was built by Gradle or Ant with others put into it (groovy, with commons-cli),
 * only the others have one. A jar that is called otherwise has the version of one of them.
 */
function isBesides(own: JarName, file: JarName | null, poms: readonly JarName[]): boolean {
  if (poms.length === 0) return true
  if (file === null && own.group === null) return false
  return !poms.some(({ artifact, version }) =>
    [own, file].some((one) => one?.artifact === artifact || one?.version === version),
  )
}

function nonNull<T>(value: T | null): T[] {
  return value === null ? [] : [value]
}
