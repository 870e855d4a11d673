import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { apiKeyUsed } from '../metadata/tables/api-keys.ts'
import { tokenSecretUsed } from '../metadata/tables/registry-token-secrets.ts'
import { sessionUsed } from '../metadata/tables/sessions.ts'
import type { Holder } from './holder.ts'

/** design.md 4: at most so many rows in one transaction. */
const BATCH = 500

/** When and from where secrets were used last: noted in memory, written by `flush` every few seconds. */
export class LastUsed {
  readonly #metadata: MetadataStore
  #unwritten: Holder[] = []

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata
  }

  note(holder: Holder, at: number, address: string): void {
    holder.usedAt = at
    holder.usedFrom = address
    if (holder.isUnwritten) return
    holder.isUnwritten = true
    this.#unwritten.push(holder)
  }

  /** What could not be written is kept for the next time. */
  async flush(): Promise<void> {
    while (this.#unwritten.length > 0) {
      const batch = this.#unwritten.splice(0, BATCH)
      const uses = batch.map(({ claimant, usedAt, usedFrom }) => ({ claimant, usedAt, usedFrom }))
      for (const holder of batch) holder.isUnwritten = false
      try {
        await this.#metadata.transact(async (sql) => await write(sql, uses), { durable: false })
      } catch (error) {
        const missed = batch.filter((holder) => !holder.isUnwritten)
        for (const holder of missed) holder.isUnwritten = true
        this.#unwritten.push(...missed)
        throw error
      }
    }
  }
}

async function write(
  sql: Transaction,
  uses: readonly Pick<Holder, 'claimant' | 'usedAt' | 'usedFrom'>[],
): Promise<void> {
  for (const { claimant, usedAt, usedFrom } of uses) {
    if (claimant.kind === 'registry_token') await tokenSecretUsed(sql, claimant.secretId, usedAt, usedFrom)
    if (claimant.kind === 'api_key') await apiKeyUsed(sql, claimant.apiKeyId, usedAt, usedFrom)
    if (claimant.kind === 'session') await sessionUsed(sql, claimant.sessionId, usedAt, usedFrom)
  }
}
