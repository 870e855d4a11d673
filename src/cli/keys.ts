import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { CONTRACT, JSON_OPTION, printJson, WHERE, withContract, withLocal } from './local.ts'
import { confirm, readSecret } from './password.ts'

const show = defineCommand({
  name: 'show',
  summary: 'say where the master key is; never what it is',
  example: 'entrepot keys show',
  positionals: [],
  options: { ...WHERE, ...JSON_OPTION },
  run: ({ options }, context) =>
    withLocal(options, context, async ({ app }) => {
      const summary = await app.keys.describe()
      if (options.json) return printJson(context, summary)
      const { installation, provider, file } = summary
      context.io.out(`installation  ${installation}`)
      context.io.out(`master key    ${file ?? `from the ${provider}`}`)
      context.io.out(
        'Without the master key nothing that is stored can be read: keep a copy of it apart from the data.',
      )
      return 0
    }),
})

const exportKeys = defineCommand({
  name: 'export',
  summary: "print a registry's data keys in the clear, as Tink keysets",
  about: 'Whoever has them reads everything that the registry holds or held.',
  example: 'entrepot keys export acme --yes',
  positionals: ['registry'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...CONTRACT },
  run: ({ positionals: [name], options }, context) =>
    withContract(options, context, async ({ app }, actor) => {
      const { internalId } = await app.registries.getNamed(actor, name)
      await confirm(context.io, `This prints the keys of registry ${name} in the clear.`, name, options.yes)
      return printJson(context, await app.keys.exportKeys(internalId))
    }),
})

const rotate = defineCommand({
  name: 'rotate',
  summary: 'change the master key',
  about:
    'Wraps all keys anew; stored bytes are not touched. With the key in a file, a new file is made; otherwise the new key is\n' +
    'asked for, or read as one line from a pipe. Servers that run must then be started again with the new key.',
  example: 'entrepot keys rotate',
  positionals: [],
  options: { ...WHERE, ...JSON_OPTION },
  run: ({ options }, context) =>
    withLocal(options, context, async ({ app }) => {
      const { file } = await app.keys.describe()
      const rewrapped = await app.keys.rotate(file === null ? await readSecret(context.io, 'new master key') : null)
      if (options.json) return printJson(context, { rewrapped, file })
      context.io.out(`The master key is changed: ${rewrapped} keys are wrapped anew`)
      context.io.out(
        file === null
          ? 'Start the servers again with the new ENTREPOT_MASTER_KEY'
          : `Start the servers again, and back up ${file}`,
      )
      return 0
    }),
})

export const keysCommand: Command = defineGroup('keys', 'show, export and rotate the encryption keys', [
  show,
  exportKeys,
  rotate,
])
