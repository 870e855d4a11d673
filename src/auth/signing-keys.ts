import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, generateKeyPair, hkdfSync, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { lockAuthEpoch } from '../metadata/tables/auth-epoch.ts'
import type { SigningKeyRow } from '../metadata/tables/signing-keys.ts'
import { insertSigningKey, signingKeys } from '../metadata/tables/signing-keys.ts'

/** What the keys room offers: sealed bytes open under the installation's master key and the same purpose only. */
export interface Secrets {
  seal(bytes: Uint8Array, purpose: string): Promise<Uint8Array>
  open(sealed: Uint8Array, purpose: string): Promise<Uint8Array>
  /** In the transaction that stores what was sealed: refuses when the master key was changed meanwhile. */
  hold?(sql: Transaction): Promise<void>
}

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
}

const PURPOSE = 'entrepot/signing-key/v1'
/** Another node may have made a key we have not seen; a stranger's invented kid must not make us read each time. */
const REREAD_AFTER_MS = 5_000

const makeKeyPair = promisify(generateKeyPair)

/** The installation's ES256 keys (RFC 7518, 3.4): one is made by whoever needs it first; the oldest signs. */
export class SigningKeys {
  readonly #metadata: MetadataStore
  readonly #secrets: Secrets
  readonly #now: () => number
  #signer: Promise<SigningKey> | null = null
  #publicKeys = new Map<string, KeyObject>()
  #readAt = Number.NEGATIVE_INFINITY

  constructor(deps: { readonly metadata: MetadataStore; readonly secrets: Secrets; readonly now: () => number }) {
    this.#metadata = deps.metadata
    this.#secrets = deps.secrets
    this.#now = deps.now
  }

  /** @throws whatever the keys room throws when the master key is not the one that sealed it. */
  async signer(): Promise<SigningKey> {
    this.#signer ??= this.#openSigner().catch((error: unknown) => {
      this.#signer = null
      throw error
    })
    return await this.#signer
  }

  async publicKey(kid: string): Promise<KeyObject | null> {
    const known = this.#publicKeys.get(kid)
    if (known || Math.abs(this.#now() - this.#readAt) < REREAD_AFTER_MS) return known ?? null
    await this.#readPublicKeys()
    return this.#publicKeys.get(kid) ?? null
  }

  /** A secret of the installation for one more purpose, the same on every node. */
  async derived(purpose: string): Promise<Uint8Array> {
    const { privateKey } = await this.signer()
    const { d = '' } = privateKey.export({ format: 'jwk' })
    return new Uint8Array(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', purpose, 32))
  }

  async #openSigner(): Promise<SigningKey> {
    const [row] = await this.#readPublicKeys()
    const { kid, wrapped } = row ?? (await this.#makeKey())
    const jwk = JSON.parse(Buffer.from(await this.#secrets.open(wrapped, PURPOSE)).toString('utf8'))
    return { kid, privateKey: createPrivateKey({ key: jwk, format: 'jwk' }) }
  }

  async #readPublicKeys(): Promise<SigningKeyRow[]> {
    const rows = await this.#metadata.read(signingKeys)
    this.#readAt = this.#now()
    this.#publicKeys = new Map(
      rows.map((row) => [row.kid, createPublicKey({ key: JSON.parse(row.public_jwk), format: 'jwk' })]),
    )
    return rows
  }

  /** Sealing may ask another service, so it comes before the transaction; of two processes the later one gives way. */
  async #makeKey(): Promise<SigningKeyRow> {
    const { privateKey, publicKey } = await makeKeyPair('ec', { namedCurve: 'P-256' })
    const made = {
      kid: randomBytes(9).toString('base64url'),
      public_jwk: JSON.stringify(publicKey.export({ format: 'jwk' })),
      wrapped: await this.#secrets.seal(Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' }))), PURPOSE),
    }
    await this.#metadata.transact(async (sql) => {
      await lockAuthEpoch(sql)
      await this.#secrets.hold?.(sql)
      if ((await signingKeys(sql)).length === 0) await insertSigningKey(sql, made)
    })
    const [row] = await this.#readPublicKeys()
    if (!row) throw new TypeError('a signing key that was just made must exist')
    return row
  }
}
