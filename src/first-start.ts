import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { FirstOwner } from './accounts/first-owner.ts'
import { createFirstOwner } from './accounts/first-owner.ts'
import { audit } from './audit/audit.ts'
import { hashPassword } from './auth/passwords.ts'
import { claimStore } from './check/store-marker.ts'
import type { Config } from './config/config.ts'
import { openStores } from './open-stores.ts'

export interface Prepared {
  /** Set when this start made contract 1. */
  readonly owner: FirstOwner | null
  /** The path of a master key file that this start made. */
  readonly madeKeyFile: string | null
}

const DEFAULT_EMAIL = 'owner@entrepot.local'

/** Before any worker: database and migrations, master key, mark of the store, contract 1 with its owner. Harmless to repeat. */
export async function prepare(config: Config): Promise<Prepared> {
  await using stores = await openStores(config)
  await claimStore(stores.blobs, stores.keys.installation)
  const deps = { metadata: stores.metadata, hashPassword, audit, newId: randomUUID }
  const owner = await createFirstOwner(deps, {
    email: config.adminEmail ?? DEFAULT_EMAIL,
    password: config.secrets.adminPassword,
  })
  return { owner, madeKeyFile: stores.madeKeyFile }
}

/** Where nobody looks at a terminal the generated password goes into a file, never into a log. Its path. */
export async function keepPassword(config: Config, password: string): Promise<string> {
  const path = join(config.data, 'first-owner-password')
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${password}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return path
}
