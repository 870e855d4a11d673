import { bytesInWords } from './bytes-in-words.ts'
import type { Command, CommandContext } from './command.ts'
import { defineCommand, defineGroup, UsageError } from './define.ts'
import { JSON_OPTION, printJson } from './local.ts'
import { confirm } from './password.ts'
import type { GcInfo, RegistryInfo } from './plane.ts'
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

const show = defineCommand({
  name: 'show',
  summary: 'show one registry',
  example: 'entrepot registry show acme',
  positionals: ['name'],
  options: { ...PLANE, ...JSON_OPTION },
  run: ({ positionals: [name], options }, context) =>
    withPlane(options, context, async (plane) => print(context, await plane.getRegistry(name), options.json)),
})

const set = defineCommand({
  name: 'set',
  summary: 'change who may reach a registry, when it is collected, or turn scanning on',
  about: 'What is not given stays. Scanning, once on, stays on.',
  example:
    'entrepot registry set acme --allow 192.0.2.0/24 --allow 2001:db8::/32\n' +
    'entrepot registry set acme --gc-days Saturday,Sunday --gc-time 03:00:00Z',
  positionals: ['name'],
  options: {
    allow: { type: 'string', value: '<network>', multiple: true, about: 'only from this address or network' },
    'allow-all': { type: 'boolean', about: 'from everywhere' },
    'gc-days': { type: 'string', value: '<days>', about: 'when what no image refers to is removed: Monday,Thursday' },
    'gc-time': { type: 'string', value: '<time>', about: 'UTC time of day; default 01:00:00Z' },
    'no-gc': { type: 'boolean', about: 'never by itself' },
    scanning: { type: 'boolean', about: 'compare its images with known vulnerabilities' },
    ...PLANE,
    ...JSON_OPTION,
  },
  run: async ({ positionals: [name], options }, context) => {
    const change = {
      allowList: allowListOf(options.allow, options['allow-all']),
      gcSchedule: scheduleOf(options['gc-days'], options['gc-time'], options['no-gc']),
      scanning: options.scanning ? (true as const) : undefined,
    }
    if (Object.values(change).every((value) => value === undefined)) {
      throw new UsageError('nothing to set: give --allow, --gc-days or --scanning')
    }
    return await withPlane(options, context, async (plane) =>
      print(context, await plane.changeRegistry(name, change), options.json),
    )
  },
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
      await confirm(context.io, `This deletes registry ${name}${plane.where} and every image in it.`, name, options.yes)
      const { id, restorableUntil } = await plane.deleteRegistry(name)
      if (options.json) return printJson(context, { id, name, restorableUntil })
      const end = restorableUntil ?? 'the quarantine of the server'
      context.io.out(`Registry ${name} is deleted; what it held is destroyed after ${end}`)
      return 0
    }),
})

export const registryCommand: Command = defineGroup('registry', 'make, list, show, change and delete registries', [
  create,
  list,
  show,
  set,
  remove,
])

function print(context: CommandContext, registry: RegistryInfo, json: boolean): number {
  if (json) return printJson(context, registry)
  const { allowList, gcSchedule } = registry
  const lines = [
    ['name', registry.name],
    ['id', registry.id],
    ['images', `${registry.hostname}/<repository>:<tag>`],
    ['location', registry.location],
    ['state', registry.state],
    ['stored', bytesInWords(registry.usedBytes)],
    ['reachable', allowList.length === 0 ? 'from everywhere' : `from ${allowList.join(', ')}`],
    ['collected', gcSchedule === null ? 'when asked' : `${gcSchedule.days.join(', ')} at ${gcSchedule.time} UTC`],
    ['scanned', registry.scanning ? 'yes' : 'no'],
    ['made', `${registry.createdAt} by ${registry.createdBy}`],
  ] as const
  for (const [word, value] of lines) context.io.out(`${word.padEnd(10)}  ${value}`)
  return 0
}

/** @throws UsageError */
function allowListOf(allow: readonly string[], all: boolean): readonly string[] | undefined {
  if (all && allow.length > 0) throw new UsageError('--allow and --allow-all contradict each other')
  return all ? [] : allow.length > 0 ? allow : undefined
}

/** @throws UsageError */
function scheduleOf(days: string | undefined, time: string | undefined, none: boolean): GcInfo | null | undefined {
  if (none && days === undefined && time === undefined) return null
  if (none) throw new UsageError('--no-gc and a schedule contradict each other')
  if (days === undefined && time !== undefined) throw new UsageError('--gc-time needs --gc-days')
  return days === undefined ? undefined : { days: days.split(','), time: time ?? '01:00:00Z' }
}
