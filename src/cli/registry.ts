import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm } from './password.ts'
import { PLANE, withPlane } from './plane.ts'
import { table } from './table.ts'

const create = defineCommand({
  name: 'create',
  summary: 'make a registry',
  example: 'entrepot registry create acme',
  positionals: ['name'],
  options: {
    location: { type: 'string', value: '<id>', about: 'where; default: the first of ENTREPOT_LOCATIONS' },
    'no-scanning': { type: 'boolean', about: 'do not compare its images with known vulnerabilities' },
    ...PLANE,
    ...JSON_OPTION,
  },
  run: ({ positionals: [name], options }, context) =>
    withPlane(options, context, async (plane) => {
      const location = options.location ?? null
      const made = await plane.createRegistry({ name, location, scanning: !options['no-scanning'] })
      if (options.json) return printJson(context, made)
      const contract =
        options.contract === undefined || options.contract === '1' ? '' : ` --contract ${options.contract}`
      context.io.out(`Registry ${name} is made: its images are named ${made.hostname}/<repository>:<tag>`)
      context.io.out(`Next, a login for it: entrepot token create ${name} <token name>${contract}`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list the registries of a contract',
  example: 'entrepot registry list --json',
  positionals: [],
  options: { ...PLANE, ...JSON_OPTION },
  run: ({ options }, context) =>
    withPlane(options, context, async (plane) => {
      const rows = await plane.listRegistries()
      if (options.json) return printJson(context, rows)
      if (rows.length === 0) context.io.err('No registries yet: entrepot registry create <name> makes one')
      else
        context.io.out(
          table(
            ['NAME', 'LOCATION', 'STATE', 'IMAGES', 'ID'],
            rows.map((row) => [row.name, row.location, row.state, row.hostname, row.id]),
          ),
        )
      return 0
    }),
})

const remove = defineCommand({
  name: 'delete',
  summary: 'delete a registry and all it holds',
  about:
    'It is hidden at once, its tokens stop, and its bytes are destroyed at the end of quarantine (ENTREPOT_QUARANTINE_DAYS).',
  example: 'entrepot registry delete acme --yes',
  positionals: ['name'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...PLANE, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withPlane(options, context, async (plane) => {
      await plane.getRegistry(name)
      await confirm(context.io, `This deletes registry ${name} and every image in it.`, name, options.yes)
      const { id, restorableUntil } = await plane.deleteRegistry(name)
      if (options.json) return printJson(context, { id, name, restorableUntil })
      const end = restorableUntil ?? 'the quarantine of the server'
      context.io.out(`Registry ${name} is deleted; what it held is destroyed after ${end}`)
      return 0
    }),
})

export const registryCommand: Command = defineGroup('registry', 'make, list and delete registries', [
  create,
  list,
  remove,
])
