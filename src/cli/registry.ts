import { registryHostname } from '../registries/hostname.ts'
import type { RegistryView } from '../registries/views.ts'
import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import type { Local } from './local.ts'
import { CONTRACT, JSON_OPTION, printJson, withContract } from './local.ts'
import { confirm } from './password.ts'
import { table } from './table.ts'

const create = defineCommand({
  name: 'create',
  summary: 'make a registry',
  positionals: ['name'],
  options: {
    location: { type: 'string', value: '<id>', about: 'where; default: the first of ENTREPOT_LOCATIONS' },
    'no-scanning': { type: 'boolean', about: 'do not compare its images with known vulnerabilities' },
    ...CONTRACT,
    ...JSON_OPTION,
  },
  run: ({ positionals: [name], options }, context) =>
    withContract(options, context, async (local, actor) => {
      const { registries } = local.app
      const scanning = !options['no-scanning']
      const input = { name, location: options.location ?? null, gcSchedule: null, scanning, allowList: [] }
      await registries.create(actor, input)
      await registries.settle()
      const made = describe(local, await registries.getNamed(actor, name))
      if (options.json) return printJson(context, made)
      const contract = actor.contractId === 1 ? '' : ` --contract ${actor.contractId}`
      context.io.out(`Registry ${name} is made: its images are named ${made.hostname}/<repository>:<tag>`)
      context.io.out(`Next, a login for it: entrepot token create ${name} <token name>${contract}`)
      return 0
    }),
})

const list = defineCommand({
  name: 'list',
  summary: 'list the registries of a contract',
  positionals: [],
  options: { ...CONTRACT, ...JSON_OPTION },
  run: ({ options }, context) =>
    withContract(options, context, async (local, actor) => {
      const all: RegistryView[] = []
      for (let token: string | null = null; ; ) {
        const { registries, next } = await local.app.registries.list(actor, { limit: 1000, token, nameContains: null })
        all.push(...registries)
        if (next === null) break
        token = next
      }
      const rows = all.map((registry) => describe(local, registry))
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
  positionals: ['name'],
  options: { yes: { type: 'boolean', about: 'do not ask' }, ...CONTRACT, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withContract(options, context, async ({ app: { registries } }, actor) => {
      const { id } = await registries.getNamed(actor, name)
      await confirm(context.io, `This deletes registry ${name} and every image in it.`, name, options.yes)
      const { restorableUntil } = await registries.delete(actor, id)
      const until = new Date(restorableUntil).toISOString()
      if (options.json) return printJson(context, { id, name, restorableUntil: until })
      context.io.out(`Registry ${name} is deleted; what it held is destroyed after ${until}`)
      return 0
    }),
})

export const registryCommand: Command = defineGroup('registry', 'make, list and delete registries', [
  create,
  list,
  remove,
])

function describe({ app, host }: Local, registry: RegistryView) {
  const { id, name, location, state, scanning, created } = registry
  const hostname = registryHostname(app.naming, registry, host)
  return {
    id,
    name,
    location,
    state,
    hostname,
    scanning,
    createdAt: new Date(created.at).toISOString(),
    createdBy: created.by,
  }
}
