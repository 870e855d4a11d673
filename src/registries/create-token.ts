import { DomainError } from '../domain/error.ts'
import type { Scope } from '../domain/permission.ts'
import type { NewSecret } from '../domain/secret.ts'
import { newSecret, SECRET_PREFIX } from '../domain/secret.ts'
import type { Transaction } from '../metadata/metadata-store.ts'
import { insertAuditEvent } from '../metadata/tables/audit-events.ts'
import { findToken, insertToken, insertTokenSecret } from '../metadata/tables/tokens-control.ts'
import type { Actor, RegistriesDeps } from './deps.ts'
import { parseExpiry } from './expiry.ts'
import { requireHeldRegistry } from './find-registry.ts'
import { parseScopes, parseStatus, parseTokenName } from './token-input.ts'
import { checkTokenExpiry } from './token-lifetime.ts'
import type { TokenView } from './views.ts'
import { toTokenView } from './views.ts'

export interface TokenInput {
  readonly name: string
  readonly scopes: readonly Scope[]
  /** RFC 3339, or null: never. */
  readonly expiryDate: string | null
  /** Absent, null and "" mean enabled. */
  readonly status: string | null
}

/**
 * The password is in this answer only: nothing stored can tell it again. The id may be chosen by the client.
 * @throws `not_found` (the registry), `name_invalid`, `input_invalid`, `conflict` (the name is taken in this registry).
 */
export async function createToken(
  deps: RegistriesDeps,
  actor: Actor,
  registryId: string,
  input: TokenInput,
  publicId: string = deps.newId(),
): Promise<{ token: TokenView; password: string }> {
  const row = {
    name: parseTokenName(input.name),
    status: parseStatus(input.status),
    scopes: JSON.stringify(parseScopes(input.scopes)),
    expiresAt: parseExpiry(input.expiryDate),
  }
  const secret = newSecret(SECRET_PREFIX.registryToken)
  const made = await deps.metadata.transact(async (sql) => {
    const registry = await requireHeldRegistry(sql, actor, registryId)
    await checkTokenExpiry(sql, actor.contractId, row.expiresAt)
    await insert(sql, actor, registry.id, { ...row, publicId }, secret)
    await insertAuditEvent(sql, {
      contractId: actor.contractId,
      registryId: registry.id,
      actor: actor.label,
      action: 'token.create',
      subject: `${registry.name}/${row.name}`,
      address: actor.address,
      detail: { id: publicId, scopes: input.scopes, expiresAt: row.expiresAt },
    })
    return await findToken(sql, registry.id, publicId)
  })
  if (!made) throw new TypeError('a token that was just made must exist')
  return { token: toTokenView(made), password: secret.text }
}

async function insert(
  sql: Transaction,
  actor: Actor,
  registryId: number,
  row: Omit<Parameters<typeof insertToken>[1], 'registryId' | 'createdBy' | 'createdById'>,
  secret: NewSecret,
): Promise<void> {
  const tokenId = await insertToken(sql, { ...row, registryId, createdBy: actor.email, createdById: actor.userId })
  if (tokenId === null) {
    throw new DomainError(
      'conflict',
      `this registry already has a token named "${row.name}": choose another name or delete that one`,
    )
  }
  await insertTokenSecret(sql, { tokenId, keyId: secret.keyId, secretHash: secret.hash })
}
