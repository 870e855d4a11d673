import type { Transaction } from '../metadata-store.ts'

// What authentication does with registry_tokens; the control plane's queries are in tokens-control.ts.

export interface ExpiredTokenRow {
  readonly id: number
  readonly name: string
  readonly registry_id: number
  readonly registry_name: string
  readonly contract_id: number
}

/** Live tokens that expired at or before `until`, the oldest first, at most `limit`. */
export async function tokensExpiredUntil(sql: Transaction, until: number, limit: number): Promise<ExpiredTokenRow[]> {
  return await sql.all<ExpiredTokenRow>`
    SELECT t.id, t.name, t.registry_id, r.name AS registry_name, r.contract_id
      FROM registry_tokens t JOIN registries r ON r.id = t.registry_id
     WHERE t.deleted_at IS NULL AND t.expires_at <= ${until}
     ORDER BY t.expires_at LIMIT ${limit}`
}
