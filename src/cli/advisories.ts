import { join, resolve } from 'node:path'
import type { SourceState } from '../scanner/advisories/advisory-index.ts'
import type { FileReport } from '../scanner/advisories/file-tally.ts'
import { folderStore } from './advisory-store.ts'
import type { Command, CommandContext, Io } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'
import { configOf, JSON_OPTION, printJson, WHERE } from './local.ts'
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
    if (options.json) printJson(context, { snapshot: info, files })
    else if (info === null) context.io.err('Nothing was imported: see above; --keep-going takes in what can be read')
    else context.io.out(info.id === base?.info.id ? `nothing new: ${info.id}` : `now in force: ${info.id}`)
    return info !== null && files.every(({ refused }) => refused === null) ? 0 : 1
  },
})

const list = defineCommand({
  name: 'list',
  summary: 'list the sources of vulnerability data, and how old they are',
  example: 'entrepot advisories list',
  positionals: [],
  options: { ...WHERE, ...JSON_OPTION },
  run: async ({ options }, context) => {
    const current = await folderStore(await folderOf(options, context)).current()
    return printList(context, current?.info.sources ?? [], {
      json: options.json,
      headings: ['SOURCE', 'KIND', 'RECORDS', 'NEWEST', 'IMPORTED', 'AGE'],
      cells: (source) => cells(source, context.now()),
      empty:
        'no advisories: without them nothing can be said of any image. Import some: entrepot advisories import <path>',
    })
  },
})

const status = defineCommand({
  name: 'status',
  summary: 'say which vulnerability data is in force',
  about: 'Exit code 0: there is some; 1: there is none.',
  example: 'entrepot advisories status',
  positionals: [],
  options: { ...WHERE, ...JSON_OPTION },
  run: async ({ options }, context) => {
    const current = await folderStore(await folderOf(options, context)).current()
    if (options.json) printJson(context, current?.info ?? null)
    else if (current === null) context.io.out('no advisories: images stay Unknown until some are imported')
    else {
      const { id, sources } = current.info
      const oldest = Math.min(...sources.map(({ importedAt }) => importedAt))
      const records = sources.reduce((sum, source) => sum + source.records, 0)
      context.io.out(`snapshot  ${id}`)
      context.io.out(`holds     ${records} records of ${sources.length} sources`)
      context.io.out(`oldest    imported ${day(oldest)}, ${age(oldest, context.now())} ago`)
    }
    return current === null ? 1 : 0
  },
})

export const advisoriesCommand: Command = defineGroup('advisories', 'import and list vulnerability data', [
  importCommand,
  list,
  status,
])

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
