import type { GivenSettings } from './config.ts'
import { CONFIG_VARIABLE, SETTING_NAMES, Settings, schemaOf, variableOf } from './schema.ts'

/** One line per setting in force: variable, value, where it comes from. Secrets only say whether they are set. */
export function printSettings({ values, sources }: GivenSettings): string {
  const lines = SETTING_NAMES.map((name) => [variableOf(name), display(name, values[name]), sources[name] ?? 'default'])
  const width = Math.max(...lines.map(([variable = '']) => variable.length))
  return lines.map(([variable = '', value, source]) => `${variable.padEnd(width)}  ${value}  (${source})`).join('\n')
}

/** The same as one JSON object a configuration file could hold, without its secrets. */
export function settingsAsJson({ values }: GivenSettings): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_NAMES.filter((name) => !schemaOf(name).secret && values[name] !== undefined).map((name) => [
      name,
      values[name],
    ]),
  )
}

function display(name: (typeof SETTING_NAMES)[number], value: unknown): string {
  if (schemaOf(name).secret) return value === undefined ? 'not set' : 'set, not shown'
  if (value === undefined) return 'not set'
  return Array.isArray(value) ? value.join(',') || 'none' : String(value)
}

/** The documentation of every setting. */
export function documentSettings(): string {
  const settings = SETTING_NAMES.map((name) => {
    const { description, expects, secret } = schemaOf(name)
    const kind = secret ? ' Never printed.' : ''
    return `${variableOf(name)}   ("${name}" in a file)\n${wrap(`${description}${kind}`)}\n${wrap(`Write: ${expects}.${byDefault(name)}`)}`
  })
  const file = `${CONFIG_VARIABLE}\n${wrap(
    'A JSON file with any of the settings below under the names in quotation marks; a variable wins over the file.',
  )}`
  return [file, ...settings].join('\n\n')
}

/** For editors: `{"$schema": …}` in a configuration file may point at this. */
export function settingsSchema(): unknown {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Entrepot settings',
    ...JSON.parse(JSON.stringify(Settings)),
  }
}

function byDefault(name: (typeof SETTING_NAMES)[number]): string {
  const value = schemaOf(name).default
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  return ` Default: ${Array.isArray(value) ? value.join(',') : String(value)}.`
}

function wrap(text: string, width = 96): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width && line !== '') {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => `    ${one}`).join('\n')
}
