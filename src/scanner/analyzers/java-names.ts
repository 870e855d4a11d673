import { groupKnownFor } from './java-groups.ts'

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

function baseOf(fileName: string): string {
  return fileName.replace(/\.[a-z]+$/i, '')
}

/** `log4j-core-2.14.1` in its two parts: the version starts after the first hyphen before a digit. */
function fileParts(fileName: string): { readonly artifact: string; readonly version: string } | null {
  const [, artifact, version] = /^([A-Za-z0-9_][\w.]*(?:-(?!\d)[\w.]+)*)-(\d[\w.+-]*)$/.exec(baseOf(fileName)) ?? []
  return artifact !== undefined && version !== undefined ? { artifact, version } : null
}

/** What tools put where a title should be: Gradle's nebula plugins write all coordinates (`org.elasticsearch#elasticsearch;7.13.0`). */
const COORDINATES = /^([\w.-]+)#([\w.-]+);([\w.+-]+)$/
/** Too short to be anybody's: the first words of a name that is not a group at all. */
const NO_GROUP = /^(?:com|io|net|org|org\.apache)$/

/** By the manifest; the file's name helps, since titles are written for people (`Apache Commons IO`). Null: it does not say. */
export function manifestName(fields: ReadonlyMap<string, string>, fileName: string): JarName | null {
  const [, group, artifact, version] = COORDINATES.exec(fields.get('implementation-title') ?? '') ?? []
  const file = fileParts(fileName)
  if (group !== undefined && artifact !== undefined && version !== undefined) {
    // A part of a project is called `server` there, and elasticsearch where it is published.
    return { group, artifact: file?.version === version ? file.artifact : artifact, version, doubt: null }
  }
  const own = versionOf(fields, file?.version ?? null)
  return own === null ? null : named(artifactOf(fields, fileName, own), own, fields)
}

function named(artifact: string | null, version: string, fields: ReadonlyMap<string, string>): JarName | null {
  if (artifact === null) return null
  const known = groupKnownFor(artifact, version)
  if (known !== null) return { group: known, artifact, version, doubt: 'its group is known by its name' }
  const vendor = word(fields, ARTIFACT, 'implementation-vendor-id')
  if (vendor !== null && !NO_GROUP.test(vendor)) return { group: vendor, artifact, version, doubt: null }
  const group = groupIn(symbolicName(fields), artifact)
  return { group, artifact, version, doubt: 'known by a manifest that names no group' }
}

function word(fields: ReadonlyMap<string, string>, pattern: RegExp, ...keys: readonly string[]): string | null {
  return keys.map((key) => fields.get(key) ?? '').find((value) => pattern.test(value)) ?? null
}

function symbolicName(fields: ReadonlyMap<string, string>): string {
  return (fields.get('bundle-symbolicname') ?? '').split(';', 1)[0]?.trim() ?? ''
}

/**
 * OSGi has numbers of its own form (1.60 becomes 1.60.0, 10.14.2.0 becomes 10.14.2000000.1828579), and what is released for several Javas says so in
 * the file's name only (8.2.0.jre8): that is taken where it is the same version.
 */
function versionOf(fields: ReadonlyMap<string, string>, inFile: string | null): string | null {
  const said = word(fields, VERSION, 'implementation-version')
  const version = said ?? word(fields, VERSION, 'bundle-version', 'specification-version')
  if (version === null || inFile === null) return version
  const isSame =
    version.startsWith(inFile) || inFile.startsWith(version) || (said === null && twoOf(version) === twoOf(inFile))
  return isSame ? inFile : version
}

/** Quarkus and sbt copy jars as `GROUP.ARTIFACT-VERSION.jar`: taken apart where that group is known to have that artifact. */
function withoutGroup(name: string, version: string): string {
  let found = name
  for (let dot = name.indexOf('.'), tries = 0; dot > 0 && tries < 10; dot = name.indexOf('.', dot + 1), tries += 1) {
    const artifact = name.slice(dot + 1)
    if (groupKnownFor(artifact, version) === name.slice(0, dot)) found = artifact
  }
  return found
}

function twoOf(version: string): string {
  return version.split('.', 2).join('.')
}

/** Tomcat's own folder has `catalina.jar`, which at Maven Central is tomcat-catalina. */
const OF_TOMCAT = /^(catalina|jasper)(?:-(?:ant|el|ha|ssi|storeconfig|tribes))?$/

function artifactOf(fields: ReadonlyMap<string, string>, fileName: string, version: string): string | null {
  const inFile = fileParts(fileName)?.artifact
  if (inFile !== undefined) return withoutGroup(inFile, version)
  const base = baseOf(fileName)
  if (fields.get('implementation-title') === 'Apache Tomcat' && OF_TOMCAT.test(base)) return `tomcat-${base}`
  const symbolic = symbolicName(fields)
  const last = symbolic.slice(symbolic.lastIndexOf('.') + 1)
  const known = [base, last].find((one) => groupKnownFor(one, version) !== null)
  return known ?? word(fields, ARTIFACT, 'implementation-title') ?? (ARTIFACT.test(symbolic) ? symbolic : null)
}

/**
 * A symbolic name is like a group, and not always one. Source: maven-bundle-plugin, which makes `org.apache.velocity` of `org.apache.velocity:velocity`,
 * `com.netflix.hystrix.core` of `com.netflix.hystrix:hystrix-core` and `org.a.b` of `org.a:b`.
 */
function groupIn(symbolic: string, artifact: string): string | null {
  const dot = symbolic.lastIndexOf('.')
  const [before, last] = [symbolic.slice(0, Math.max(dot, 0)), symbolic.slice(dot + 1)]
  if (last === artifact) return NO_GROUP.test(before) ? symbolic : before || null
  return artifact === `${before.slice(before.lastIndexOf('.') + 1)}-${last}` && before.includes('.') ? before : null
}

export function fileName(name: string): JarName | null {
  const parts = fileParts(name)
  if (parts === null) return null
  const artifact = withoutGroup(parts.artifact, parts.version)
  return {
    group: groupKnownFor(artifact, parts.version),
    artifact,
    version: parts.version,
    doubt: 'known by its file name only',
  }
}
