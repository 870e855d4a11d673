import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import type { AuditRecord, RefusalRecord } from '../metadata/tables/audit-events.ts'
import { addRefusals, insertAuditEvent } from '../metadata/tables/audit-events.ts'

/** Tells who did what, inside the transaction that does it: neither is without the other. */
export async function audit(sql: Transaction, record: AuditRecord): Promise<void> {
  await insertAuditEvent(sql, {
    ...record,
    actor: printable(record.actor),
    subject: printable(record.subject),
  })
}

export type Refusal = Omit<RefusalRecord, 'at' | 'count'>

export interface Refusals {
  /** Counts; does no I/O. */
  note(refusal: Refusal): void
  /** Writes what was counted; to be called every few seconds and at the end. */
  flush(): Promise<void>
}

const MINUTE_MS = 60_000
/** Different refusals kept between two flushes, and so rows in one transaction: strangers choose names and addresses. */
const MOST_KEPT = 400
const LONGEST_TEXT = 200

/** Refusals are counted per minute, whose log they are in, address, actor, action and subject; beyond a bound the subject is left out. */
export function createRefusals({ metadata, now }: { metadata: MetadataStore; now: () => number }): Refusals {
  let counted = new Map<string, RefusalRecord>()
  const add = (record: RefusalRecord): void => {
    const before = counted.get(keyOf(record))
    const kept = before || counted.size < MOST_KEPT ? record : { ...record, ...OTHERS }
    counted.set(keyOf(kept), { ...kept, count: record.count + (counted.get(keyOf(kept))?.count ?? 0) })
  }
  return {
    note(refusal) {
      const at = Math.floor(now() / MINUTE_MS) * MINUTE_MS
      add({ ...refusal, actor: printable(refusal.actor), subject: printable(refusal.subject), at, count: 1 })
    },
    async flush() {
      const written = [...counted.values()]
      if (written.length === 0) return
      counted = new Map()
      try {
        await metadata.transact(
          async (sql) => {
            for (const record of written) await addRefusals(sql, record)
          },
          { durable: false },
        )
      } catch (error) {
        for (const record of written) add(record)
        throw error
      }
    },
  }
}

const OTHERS = { contractId: null, registryId: null, actor: 'unknown', subject: '(others)', address: '(others)' }

function keyOf({ at, contractId, registryId, address, actor, action, subject }: RefusalRecord): string {
  return JSON.stringify([at, contractId, registryId, address, actor, action, subject])
}

/** What strangers write ends up on an administrator's screen: short, and without control characters. */
function printable(text: string): string {
  const clean = text.replace(/\p{C}/gu, '\u{fffd}')
  return clean.length > LONGEST_TEXT ? `${clean.slice(0, LONGEST_TEXT)}…` : clean
}
