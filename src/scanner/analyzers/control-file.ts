import { linesOf } from './os-database.ts'

/** The fields that are read, by their names in lower case. */
export type Stanza = ReadonlyMap<string, string>

const WANTED: ReadonlySet<string> = new Set(['package', 'status', 'version', 'architecture', 'source'])

/**
 * Stanzas of a Debian control file, one after the other. As strict as dpkg, which refuses the whole file. Source: deb822(5), Debian policy 5.1.
 * @throws for a line that is no field, and for a field that is there twice.
 */
export function* stanzasOf(bytes: Buffer): Generator<Stanza> {
  let stanza = new Map<string, string>()
  let isOpen = false
  for (const line of linesOf(bytes)) {
    if (/^\s*$/.test(line)) {
      if (isOpen) yield stanza
      stanza = new Map()
      isOpen = false
    } else if (/^[ \t]/.test(line)) {
      if (!isOpen) throw new Error('it has a line that continues nothing')
    } else {
      isOpen = true
      addField(stanza, line)
    }
  }
  if (isOpen) yield stanza
}

function addField(stanza: Map<string, string>, line: string): void {
  const [, name, value] = /^([!-9;-~]+)[ \t]*:(.*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error('it has a line that is no field')
  const field = name.toLowerCase()
  if (!WANTED.has(field)) return
  if (stanza.has(field)) throw new Error(`it has a package with two fields ${name}`)
  stanza.set(field, value.trim())
}
