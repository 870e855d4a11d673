import type { Reader, Transaction } from '../metadata-store.ts'

export interface FactsKey {
  readonly contractId: number
  /** Of the layer blob. */
  readonly digest: string
  readonly analyzerVersion: number
}

export async function findLayerFacts(sql: Reader, key: FactsKey): Promise<Uint8Array | null> {
  const row = await sql.get<{ facts: Uint8Array }>`
    SELECT facts FROM layer_facts
     WHERE contract_id = ${key.contractId} AND digest = ${key.digest} AND analyzer_version = ${key.analyzerVersion}`
  return row?.facts ?? null
}

export async function hasLayerFacts(sql: Reader, key: FactsKey): Promise<boolean> {
  const row = await sql.get`
    SELECT 1 AS one FROM layer_facts
     WHERE contract_id = ${key.contractId} AND digest = ${key.digest} AND analyzer_version = ${key.analyzerVersion}`
  return row !== null
}

/** Who reads a layer at the same time finds the same. */
export async function insertLayerFacts(sql: Transaction, key: FactsKey, facts: Uint8Array): Promise<void> {
  await sql.run`
    INSERT INTO layer_facts (contract_id, digest, analyzer_version, facts, created_at)
    VALUES (${key.contractId}, ${key.digest}, ${key.analyzerVersion}, ${facts}, ${sql.now()})
    ON CONFLICT (contract_id, digest, analyzer_version) DO NOTHING`
}

/** Of other versions, and of layers that the contract has no more; of those older than a time, at most `limit`. @returns how many. */
export async function forgetLayerFacts(
  sql: Transaction,
  {
    analyzerVersion,
    before,
    limit,
  }: { readonly analyzerVersion: number; readonly before: number; readonly limit: number },
): Promise<number> {
  return await sql.run`
    DELETE FROM layer_facts WHERE (contract_id, digest, analyzer_version) IN (
      SELECT f.contract_id, f.digest, f.analyzer_version FROM layer_facts f
       WHERE f.created_at < ${before} AND (f.analyzer_version < ${analyzerVersion} OR NOT EXISTS (
         SELECT 1 FROM registries g JOIN blobs b ON b.registry_id = g.id AND b.digest = f.digest AND b.state = 'live'
          WHERE g.contract_id = f.contract_id))
       LIMIT ${limit})`
}
