/** What a jar says it is. */
export interface JarName {
  readonly group: string | null
  readonly artifact: string
  readonly version: string
  readonly doubt: string | null
}

/** `groupId`, `artifactId` and `version` of Maven's pom.properties; null: not all three. Source: java.util.Properties. */
export function pomName(text: string): JarName | null {
  const value = (key: string): string =>
    new RegExp(`^[ \\t]*${key}[ \\t]*[=:][ \\t]*(\\S+)[ \\t]*\\r?$`, 'm').exec(text)?.[1] ?? ''
  const [group, artifact, version] = [value('groupId'), value('artifactId'), value('version')]
  const isKnown = [group, artifact, version].every((one) => one !== '' && !one.includes('${'))
  return isKnown ? { group, artifact, version, doubt: null } : null
}

/** The first section of a manifest, its long lines joined. Source: JAR file specification, "Notes on Manifest". */
export function manifestFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const main = text.replace(/\r\n?/g, '\n').split('\n\n', 1)[0] ?? ''
  for (const line of main.replaceAll('\n ', '').split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return fields
}

const ARTIFACT = /^[A-Za-z0-9_][\w.-]*$/
const VERSION = /^\d[\w.+-]*$/

/** `log4j-core-2.14.1` in its two parts: the version starts after the first hyphen before a digit. */
function fileParts(fileName: string): { readonly artifact: string; readonly version: string } | null {
  const base = fileName.replace(/\.[a-z]+$/i, '')
  const [, artifact, version] = /^([A-Za-z0-9_][\w.]*(?:-(?!\d)[\w.]+)*)-(\d[\w.+-]*)$/.exec(base) ?? []
  return artifact !== undefined && version !== undefined ? { artifact, version } : null
}

/**
 * Jars of these have no pom.properties, and their manifests name no group or another one; by their coordinates at Maven Central. Without
 * it no advisory on Spring or Tomcat would ever be found in an application.
 */
const GROUPS: readonly (readonly [artifacts: RegExp, group: string])[] = [
  [/^spring-boot(?:-|$)/, 'org.springframework.boot'],
  [/^spring-security-/, 'org.springframework.security'],
  [/^spring-data-/, 'org.springframework.data'],
  [
    /^spring-(?:aop|aspects|beans|context(?:-support|-indexer)?|core|expression|instrument|jcl|jdbc|jms|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc|websocket)$/,
    'org.springframework',
  ],
  [/^tomcat-embed-/, 'org.apache.tomcat.embed'],
  [/^tomcat-(?!embed)/, 'org.apache.tomcat'],
]

function knownGroup(artifact: string): string | null {
  return GROUPS.find(([artifacts]) => artifacts.test(artifact))?.[1] ?? null
}

/** By the manifest; the file's name helps, since titles are written for people (`Apache Commons IO`). Null: it does not say. */
export function manifestName(fields: ReadonlyMap<string, string>, fileName: string): JarName | null {
  const word = (pattern: RegExp, ...keys: readonly string[]): string | null =>
    keys.map((key) => fields.get(key) ?? '').find((value) => pattern.test(value)) ?? null
  const version = word(VERSION, 'implementation-version', 'bundle-version', 'specification-version')
  const symbolic = (fields.get('bundle-symbolicname') ?? '').split(';', 1)[0]?.trim() ?? ''
  const title = word(ARTIFACT, 'implementation-title') ?? (ARTIFACT.test(symbolic) ? symbolic : null)
  const artifact = fileParts(fileName)?.artifact ?? title
  if (version === null || artifact === null) return null
  const known = knownGroup(artifact)
  if (known !== null) return { group: known, artifact, version, doubt: 'its group is known by its name' }
  const vendor = word(ARTIFACT, 'implementation-vendor-id')
  if (vendor !== null) return { group: vendor, artifact, version, doubt: null }
  // `org.apache.commons.io` is of commons-io: a symbolic name is like a group, and not always one.
  const group = symbolic.endsWith(`.${artifact}`) ? symbolic.slice(0, -artifact.length - 1) : null
  return { group, artifact, version, doubt: 'known by a manifest that names no group' }
}

export function fileName(name: string): JarName | null {
  const parts = fileParts(name)
  return parts && { group: knownGroup(parts.artifact), ...parts, doubt: 'known by its file name only' }
}
