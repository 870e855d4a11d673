import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BackupReport } from '../backup/back-up.ts'
import { DomainError } from '../domain/error.ts'
import type { Command, Io } from './command.ts'
import { defineCommand } from './define.ts'
import { configOf, JSON_OPTION, printJson, WHERE, withLocal } from './local.ts'

export const backupCommand: Command = defineCommand({
  name: 'backup',
  summary: 'copy the installation into a folder or file, while its server runs',
  about:
    'Into a new folder, or into that of an earlier backup, where only what is new is copied; one that was interrupted goes on.\n' +
    'Into a file, when the name ends with .tar: always everything.\n' +
    'Everything in it is encrypted. The master key is not in it: keep a copy of that elsewhere, restoring asks for it.\n' +
    'Exit code 0: the backup is whole; 1: it is not, or the installation lacks objects.',
  example: 'entrepot backup /mnt/backups/entrepot\nentrepot backup /mnt/backups/monday.tar',
  positionals: ['target'],
  options: {
    copy: {
      type: 'boolean',
      about:
        'copy every object also where the folder is on the same file system, instead of sharing the bytes on the disk',
    },
    verify: { type: 'boolean', about: 'read the whole backup again in the end and compare it with its checksums' },
    ...WHERE,
    ...JSON_OPTION,
  },
  run: async ({ positionals: [name], options }, context) => {
    const { data, secrets } = await configOf(options, context)
    const target = resolve(name)
    if (`${target}/`.startsWith(`${data}/`))
      throw new DomainError('input_invalid', `${target} lies in the data directory and would be lost with it`)
    // Opening would make one.
    if (secrets.databaseUrl === null && !existsSync(join(data, 'entrepot.db')))
      throw new DomainError(
        'not_found',
        `there is no installation in ${data}: name its data directory with --data or ENTREPOT_DATA`,
      )
    return await withLocal(options, context, async ({ app }) => {
      const readAgain = options.verify
      const report = await app.backUp(
        target.endsWith('.tar') ? { file: target, readAgain } : { folder: target, mayLink: !options.copy, readAgain },
      )
      const code = report.manifest.objects.missing.length === 0 ? 0 : 1
      if (options.json) {
        printJson(context, { target, ...report })
        return code
      }
      tell(context.io, target, report)
      return code
    })
  },
})

function tell({ out, err }: Io, target: string, { manifest, added, removed }: BackupReport): void {
  const { count, bytes, missing } = manifest.objects
  out(`backed up to ${target}: the state of ${manifest.takenAt}, ${count} objects, ${bytes} bytes`)
  const shared = added.linked > 0 ? `, ${added.linked} of them sharing the disk's bytes with the installation` : ''
  out(`new: ${added.count} objects, ${added.bytes} bytes${shared}; removed, as no longer needed: ${removed} objects`)
  out('The master key is not in it: keep a copy of that elsewhere; restoring asks for it.')
  if (missing.length > 0)
    err(
      `${missing.length} objects that the installation needs are not in its store, whole: "entrepot check" tells whose`,
    )
}
