import { Check } from 'typebox/schema'
import type { GivenSettings, Source } from './config.ts'
import { ConfigError } from './config.ts'
import { nearest } from './nearest.ts'
import type { SettingName, Settings } from './schema.ts'
import { CONFIG_VARIABLE, SETTING_NAMES, schemaOf, variableOf } from './schema.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Kubernetes puts these into every pod next to a Service called "entrepot"; they are no settings of ours.
 * ENTREPOT_TOOLS is read by the scripts in .ci; the last are for commands that act on a server from elsewhere.
 */
const NOT_OURS = [
  /^ENTREPOT_SERVICE_(HOST|PORT(_\w+)?)$/,
  /^ENTREPOT_PORT(_\d+_(TCP|UDP|SCTP)\w*)?$/,
  /^ENTREPOT_TOOLS$/,
  /^ENTREPOT_(URL|API_KEY|CONTRACT|CA)$/,
]

interface Given {
  readonly name: SettingName
  readonly value: unknown
  readonly source: Source
  /** How the error calls it. */
  readonly label: string
}

/**
 * The settings of `env` and of the file it names; the environment wins. An empty variable counts as absent.
 * @throws ConfigError naming every unknown or invalid setting.
 */
export function readSettings(env: Environment, readFile: (path: string) => string): GivenSettings {
  const problems: string[] = []
  const file = env[CONFIG_VARIABLE]
  const given = [...(file ? fromFile(file, readFile, problems) : []), ...fromEnvironment(env, problems)]
  const values: Record<string, unknown> = {}
  const sources: Partial<Record<SettingName, Source>> = {}
  for (const name of SETTING_NAMES) if (schemaOf(name).default !== undefined) values[name] = schemaOf(name).default
  for (const { name, value, source, label } of given) {
    const schema = schemaOf(name)
    if (!Check(schema, value))
      problems.push(`${label}${shown(schema.secret, value)} is not valid: write ${schema.expects}`)
    values[name] = value
    sources[name] = source
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { values: values as Settings, sources }
}

function shown(secret: boolean | undefined, value: unknown): string {
  return secret ? '' : ` = ${JSON.stringify(value)}`
}

function fromEnvironment(env: Environment, problems: string[]): Given[] {
  const byVariable = new Map(SETTING_NAMES.map((name) => [variableOf(name), name]))
  const given: Given[] = []
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('ENTREPOT_') || variable === CONFIG_VARIABLE || !value) continue
    const name = byVariable.get(variable)
    if (name) given.push({ name, value: fromText(name, value.trim()), source: 'environment', label: variable })
    else if (!isForeign(variable, value)) problems.push(unknown(variable, [...byVariable.keys(), CONFIG_VARIABLE]))
  }
  return given
}

function isForeign(variable: string, value: string): boolean {
  if (variable === 'ENTREPOT_PORT') return /^(tcp|udp|sctp):\/\//.test(value)
  return NOT_OURS.some((shape) => shape.test(variable))
}

function fromFile(path: string, readFile: (path: string) => string, problems: string[]): Given[] {
  let settings: unknown
  try {
    settings = JSON.parse(readFile(path))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    problems.push(`${CONFIG_VARIABLE} = ${path} cannot be read as JSON: ${why}`)
    return []
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    problems.push(`${path} must hold one JSON object with settings, such as {"listen": "0.0.0.0:5000"}`)
    return []
  }
  const given: Given[] = []
  for (const [key, value] of Object.entries(settings)) {
    const name = SETTING_NAMES.find((candidate) => candidate === key)
    if (name) given.push({ name, value, source: 'file', label: `"${key}" in ${path}` })
    else if (key !== '$schema') problems.push(unknown(`"${key}" in ${path}`, SETTING_NAMES, key))
  }
  return given
}

function unknown(label: string, known: readonly string[], word = label): string {
  const meant = nearest(word, known)
  return `${label} is not a setting${meant ? `: did you mean ${meant}?` : '; entrepot config schema lists them all'}`
}

/** Text that cannot be what the schema wants stays text: the check then refuses it. */
function fromText(name: SettingName, value: string): unknown {
  const type = (schemaOf(name) as { type?: string }).type
  if (type === 'integer' || type === 'number') return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (type === 'boolean')
    return ({ true: true, '1': true, yes: true, false: false, '0': false, no: false } as const)[value] ?? value
  if (type === 'array') return value.split(',').map((item) => item.trim())
  return value
}
