import { join, resolve } from 'node:path'
import type { SnapshotInfo, SourceState } from '../scanner/advisories/advisory-index.ts'
import type { FileReport } from '../scanner/advisories/file-tally.ts'
import { listOnServer, NONE_YET, statusOnServer } from './advisories-on-server.ts'
import { folderStore } from './advisory-store.ts'
import type { Command, CommandContext, Io } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { configOf, JSON_OPTION, printJson, WHERE } from './local.ts'
import { serverUnlessHere } from './plane.ts'
import { SERVER, withServer } from './server.ts'
import { printList } from './table.ts'

const importCommand = defineCommand({
  name: 'import',
  summary: 'take in vulnerability data from files and folders',
  about:
    'Files are recognised by what they hold, also packed (.gz, .zst, .zip): OSV records, Alpine secdb, the Debian tracker, Red Hat\n' +
    'VEX, the KEV catalog, EPSS, CVSS scores and CVE descriptions as CSV. What is known already stays: newer records replace older\n' +
    'ones, withdrawn ones go. Exit code 0: everything was taken in; 1: a file was refused, and nothing was changed.',
  example: 'entrepot advisories import /media/stick/osv/all.zip /media/stick/alpine',
  positionals: ['path'],
  rest: 'path',
  options: {
    'keep-going': { type: 'boolean', about: 'take in the others when a file is refused' },
    replace: { type: 'boolean', about: 'forget everything that was imported before' },
    ...WHERE,
    ...JSON_OPTION,
  },
  run: async ({ positionals: [first], rest, options }, context) => {
    const folder = await folderOf(options, context)
    const store = folderStore(folder)
    // Opening SQLite and the readers takes time that --help need not wait for.
    const { importAdvisories } = await import('../scanner/advisories/import-advisories.ts')
    const base = options.replace ? null : await store.current()
    const { snapshot, files } = await importAdvisories({
      paths: [first, ...rest].map((path) => resolve(path)),
      base: base?.path ?? null,
      folder,
      now: context.now(),
      keepGoing: options['keep-going'],
      onFile: (report) => {
        if (!options.json) tell(context.io, report)
      },
    })
    const info = snapshot === null ? null : await store.install(snapshot.path)
    warnOfShrinking(context.io, base?.info ?? null, info)
    if (options.json) printJson(context, { snapshot: info, files })
    else if (info === null) context.io.err('Nothing was imported: see above; --keep-going takes in what can be read')
    else context.io.out(info.id === base?.info.id ? `nothing new: ${info.id}` : `now in force: ${info.id}`)
    return info !== null && files.every(({ refused }) => refused === null) ? 0 : 1
  },
})

const ON_SERVER_TOO = { ...WHERE, url: SERVER.url, ...JSON_OPTION } as const

const list = defineCommand({
  name: 'list',
  summary: 'list the sources of vulnerability data, and how old they are',
  about: 'On the server that is named or logged in to; without one, or with --data, on this machine.',
  example: 'entrepot advisories list',
  positionals: [],
  options: ON_SERVER_TOO,
  run: async ({ options }, context) => {
    const server = await serverUnlessHere({ ...options, contract: undefined }, context)
    if (server !== null) return await listOnServer(server, context, options.json)
    const current = await folderStore(await folderOf(options, context)).current()
    return printList(context, current?.info.sources ?? [], {
      json: options.json,
      headings: ['SOURCE', 'KIND', 'RECORDS', 'NEWEST', 'IMPORTED', 'AGE'],
      cells: (source) => cells(source, context.now()),
      empty: NONE_YET,
    })
  },
})

const status = defineCommand({
  name: 'status',
  summary: 'say which vulnerability data is in force, and what went wrong with fetching it',
  about:
    'On the server that is named or logged in to, where operators also see whom it asks; without one, or with --data, on this machine.\n' +
    'Exit code 0: there is some; 1: there is none.',
  example: 'entrepot advisories status',
  positionals: [],
  options: ON_SERVER_TOO,
  run: async ({ options }, context) => {
    const server = await serverUnlessHere({ ...options, contract: undefined }, context)
    if (server !== null) return await statusOnServer(server, context, options.json)
    const current = await folderStore(await folderOf(options, context)).current()
    if (options.json) printJson(context, current?.info ?? null)
    else if (current === null) context.io.out('no advisories: images stay Unknown until some are imported')
    else printCurrent(context, current.info)
    return current === null ? 1 : 0
  },
})

const fetchCommand = defineCommand({
  name: 'fetch',
  summary: 'have a server ask its sources of vulnerability data now; for operators',
  about:
    'It asks them by itself every few hours: ENTREPOT_ADVISORY_SOURCES and ENTREPOT_ADVISORY_HOURS. How it went: advisories status.',
  example: 'entrepot advisories fetch osv:npm',
  positionals: [],
  rest: 'source',
  options: {
    force: {
      type: 'boolean',
      about: 'also take what says less than half of what is known, which is taken for damaged',
    },
    url: SERVER.url,
  },
  run: ({ rest, options }, context) =>
    withServer({ url: options.url, contract: undefined }, context, async (server) => {
      const body = { sources: rest, force: options.force }
      const { sources } = await server.send<{ sources: string[] }>('POST', '/api/v1/advisories/fetch', body)
      if (sources.length === 0)
        context.io.out('nobody is to be asked: no image was scanned yet, or nothing is fetched here')
      else context.io.out(`${sources.join(', ')}: asked within seconds`)
      return 0
    }),
})

export const advisoriesCommand: Command = defineGroup('advisories', 'import, fetch and list vulnerability data', [
  importCommand,
  list,
  status,
  fetchCommand,
])

function printCurrent(context: CommandContext, { id, sources }: SnapshotInfo): void {
  const oldest = Math.min(...sources.map(({ importedAt }) => importedAt))
  const records = sources.reduce((sum, source) => sum + source.records, 0)
  context.io.out(`snapshot  ${id}`)
  context.io.out(`holds     ${records} records of ${sources.length} sources`)
  context.io.out(`oldest    imported ${day(oldest)}, ${age(oldest, context.now())} ago`)
}

/** What somebody brings by hand counts; but whoever brings half a list by mistake should know. */
function warnOfShrinking({ err }: Io, before: SnapshotInfo | null, after: SnapshotInfo | null): void {
  for (const { name, records } of before?.sources ?? []) {
    const now = after?.sources.find((source) => source.name === name)?.records ?? 0
    if (after !== null && now * 2 < records) err(`Warning: ${name} had ${records} records and has ${now} now`)
  }
}

async function folderOf(options: Parameters<typeof configOf>[0], context: CommandContext): Promise<string> {
  return join((await configOf(options, context)).data, 'advisories')
}

function tell({ out, err }: Io, report: FileReport): void {
  const { path, kinds, records, older, withdrawn, notVulnerabilities, bad, badOnes, refused, passedOver } = report
  if (passedOver !== null) {
    err(`${path}: passed over, ${passedOver}`)
    return
  }
  if (refused !== null) {
    err(`${path}: refused: ${refused}`)
    return
  }
  const others = [
    [older, 'known in a newer state'],
    [withdrawn, 'withdrawn'],
    [notVulnerabilities, 'no vulnerabilities'],
    [bad, 'bad'],
  ] as const
  const more = others.flatMap(([count, what]) => (count > 0 ? [`, ${count} ${what}`] : []))
  out(`${path}: ${kinds.join(', ')}, ${records} records${more.join('')}`)
  for (const { where, reason } of badOnes) err(`${path}, ${where}: not taken in: ${reason}`)
  if (bad > badOnes.length) err(`${path}: and ${bad - badOnes.length} more that were not taken in`)
}

function cells({ name, kind, records, newest, importedAt }: SourceState, now: number): string[] {
  return [name, kind, String(records), newest === null ? '-' : day(newest), day(importedAt), age(importedAt, now)]
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function age(time: number, now: number): string {
  const hours = Math.max(0, Math.floor((now - time) / 3_600_000))
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}
