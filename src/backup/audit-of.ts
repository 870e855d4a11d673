import type { AuditRecord } from '../metadata/tables/audit-events.ts'

/** Somebody at the machine copied everything, or brought everything back: nobody's contract, all of them. */
export function auditOf(action: 'installation.backup' | 'installation.restore', snapshot: string): AuditRecord {
  return { contractId: null, registryId: null, actor: 'operator', action, subject: snapshot, address: null }
}
