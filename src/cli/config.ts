import { readFileSync } from 'node:fs'
import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { configOf, JSON_OPTION, printJson, WHERE, withOptions } from './local.ts'

const print = defineCommand({
  name: 'print',
  summary: 'print the settings in force and where each comes from; secrets are not shown',
  example: 'entrepot config print',
  positionals: [],
  options: { ...WHERE, ...JSON_OPTION },
  run: async ({ options }, context) => {
    await configOf(options, context) // the settings must also go together
    const { readSettings } = await import('../config/read-settings.ts')
    const { printSettings, settingsAsJson } = await import('../config/print.ts')
    const given = readSettings(withOptions(context.env, options), (path) => readFileSync(path, 'utf8'))
    if (options.json) return printJson(context, settingsAsJson(given))
    context.io.out(printSettings(given))
    return 0
  },
})

const schema = defineCommand({
  name: 'schema',
  summary: 'explain every setting',
  example: 'entrepot config schema | less',
  positionals: [],
  options: JSON_OPTION,
  run: async ({ options }, context) => {
    const { documentSettings, settingsSchema } = await import('../config/print.ts')
    if (options.json) return printJson(context, settingsSchema())
    context.io.out(documentSettings())
    return 0
  },
})

const group = defineGroup('config', 'print the settings in force, or explain all there are', [print, schema])

/** `entrepot config`, `entrepot config --print` and `entrepot config print` are the same. */
export const configCommand: Command = {
  ...group,
  run: (args, context, words) => {
    const [first] = args
    const bare = first === undefined || (first.startsWith('--') && first !== '--help')
    return bare
      ? print.run(
          args.filter((arg) => arg !== '--print'),
          context,
          `${words} config`,
        )
      : group.run(args, context, words)
  },
}
