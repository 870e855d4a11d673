import { DomainError } from '../domain/error.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { dumpedTables, emptyTables, inserter, raiseLastId } from '../metadata/tables/dump.ts'
import { settleRestored, someContractExists } from '../metadata/tables/restoring.ts'
import { findSetting, forgetSetting, replaceSetting } from '../metadata/tables/settings.ts'
import { auditOf } from './audit-of.ts'
import type { OpenSnapshot } from './read-snapshot.ts'
import type { SnapshotHeader } from './snapshot-format.ts'

/**
 * Says in the database, before anything else is done to it, that a restore is under way: no server starts on it, and only
 * a restore goes on. @throws `conflict` when somebody lives there.
 */
export async function beginRestore(metadata: MetadataStore, { name }: SnapshotHeader): Promise<void> {
  await metadata.transact(async (sql) => {
    if ((await findSetting(sql, 'restoring')) === null && (await someContractExists(sql)))
      throw new DomainError('conflict', 'the database is not empty: restore into a new one')
    await replaceSetting(sql, 'restoring', name)
  })
}

/** @throws `unavailable` while a restore into this database has not come to its end. */
export async function refuseUnfinishedRestore(metadata: MetadataStore): Promise<void> {
  const name = await metadata.read((sql) => findSetting(sql, 'restoring'))
  if (name === null) return
  throw new DomainError(
    'unavailable',
    `a restore (of snapshot ${name}) was interrupted here: run the same entrepot restore again, which goes on, and start then`,
  )
}

/**
 * Fills the database with the snapshot's rows, whatever an interrupted restore left there, and lets it be used; `settle`
 * does the rest in the last transaction. The schema must be the snapshot's.
 */
export async function loadSnapshot(
  metadata: MetadataStore,
  snapshot: OpenSnapshot,
  settle: (sql: Transaction) => Promise<void>,
): Promise<void> {
  const { name, lastIds } = snapshot.header
  await metadata.transact(async (sql) => {
    await emptyTables(sql, await dumpedTables(sql))
    await replaceSetting(sql, 'restoring', name)
  })
  const inserters = new Map<string, ReturnType<typeof inserter>>()
  for await (const { table, columns, rows } of snapshot.batches()) {
    const insert = inserters.get(table) ?? inserter(table, columns)
    inserters.set(table, insert)
    await metadata.transact(
      async (sql) => {
        for (const row of rows) await insert(sql, row)
      },
      { durable: false },
    )
  }
  await metadata.transact(async (sql) => {
    for (const { name: table, last } of lastIds) await raiseLastId(sql, table, last)
    await settleRestored(sql)
    await settle(sql)
    await insertAuditEvent(sql, auditOf('installation.restore', name))
    await forgetSetting(sql, 'restoring')
  })
}
