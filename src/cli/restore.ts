import { resolve } from 'node:path'
import type { RestoreReport } from '../backup/restore.ts'
import type { Command, Io } from './command.ts'
import { defineCommand, UsageError } from './define.ts'
import { configOf, JSON_OPTION, printJson, WHERE } from './local.ts'

export const restoreCommand: Command = defineCommand({
  name: 'restore',
  summary: 'make an installation from a backup, or its lost database from the blob store',
  about:
    'From a backup, a folder or file, into an empty data directory. Or, when only the database was lost, from the newest of the\n' +
    'snapshots that the server keeps with the blobs (--from-store). Both need the master key: ENTREPOT_MASTER_KEY, or its file\n' +
    'master.key in the data directory. What was interrupted goes on when it is run again. No server may run meanwhile.\n' +
    'Exit code 0: everything is there; 1: it is not.',
  example: 'entrepot restore /mnt/backups/entrepot --data /srv/entrepot\nentrepot restore --from-store',
  positionals: [],
  optional: 'backup',
  options: {
    'from-store': { type: 'boolean', about: 'bring the database back from the snapshots in the blob store' },
    snapshot: { type: 'string', value: '<name>', about: 'with --from-store: this one instead of the newest' },
    ...WHERE,
    ...JSON_OPTION,
  },
  run: async ({ extra: path, options }, context) => {
    const fromStore = options['from-store']
    if ((path === undefined) !== fromStore)
      throw new UsageError('entrepot restore: name either a backup, a folder or file, or --from-store')
    if (options.snapshot !== undefined && !fromStore)
      throw new UsageError('entrepot restore: --snapshot goes with --from-store')
    const config = await configOf(options, context)
    const report = await context.restore(
      config,
      path === undefined
        ? { from: 'store', snapshot: options.snapshot ?? null }
        : { from: 'backup', path: resolve(path) },
    )
    const code = report.missing === 0 ? 0 : 1
    if (options.json) printJson(context, { ...report, takenAt: new Date(report.takenAt).toISOString() })
    else tell(context.io, report, fromStore)
    return code
  },
})

function tell({ out, err }: Io, report: RestoreReport, fromStore: boolean): void {
  const { installation, takenAt, objects, unknown, missing } = report
  out(`restored installation ${installation} as it was at ${new Date(takenAt).toISOString()}`)
  out(`${objects.count} objects, ${objects.bytes} bytes`)
  if (fromStore) {
    out(
      `lost is what came after that time: the store holds ${unknown.count} objects, ${unknown.bytes} bytes, that nothing knows;` +
        ' "entrepot check --repair" removes them once they are a day old. Uploads under way begin anew.',
    )
  }
  out('What was revoked, disabled or changed after that time is as it was then: look through tokens, keys and people.')
  out('Next: entrepot check, then start the server.')
  if (missing > 0) err(`${missing} objects that it needs are not there: "entrepot check" tells whose`)
}
