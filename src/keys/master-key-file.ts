import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { KeyProvider } from './key-provider.ts'
import { MasterKeyError } from './key-provider.ts'
import { masterKeyProvider, parseMasterKey } from './master-key.ts'

export interface MasterKeyFileOptions {
  /** `<data>/master.key` */
  readonly path: string
  /**
   * True only while the database holds nothing that a master key protects (`isFirstStart`): beside existing data a
   * missing file must be found again, a new one would open nothing.
   */
  readonly mayCreate: boolean
}

export interface MasterKeyFile {
  readonly provider: KeyProvider
  /** This call made the file: its operator must be told to back it up. */
  readonly made: boolean
}

const HEADER =
  '# Entrepot master key. Keep a copy apart from the data: without it nothing that is stored here can be read.\n'

/** @throws MasterKeyError */
export async function openMasterKeyFile({ path, mayCreate }: MasterKeyFileOptions): Promise<MasterKeyFile> {
  const made = mayCreate && (await makeOnce(path))
  // Also when another process made it just now: the power may fail before that one comes to its own fsync.
  if (mayCreate) for (const target of [path, dirname(path)]) await sync(target)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? lost(path) : error
  })
  return {
    provider: masterKeyProvider('file', parseMasterKey(withoutComments(text), `the master key file ${path}`)),
    made,
  }
}

/**
 * Writes a new key. The file appears whole or not at all, and only once however many processes start together: `link`
 * refuses an existing name, so no lock is needed. @returns false when it was there already.
 */
async function makeOnce(path: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${HEADER}${randomBytes(32).toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function sync(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function lost(path: string): MasterKeyError {
  return new MasterKeyError(
    `the master key file ${path} is missing, but the database holds data that only its key can open: put the file back ` +
      'from its copy, or give the key as ENTREPOT_MASTER_KEY. A new key is never made over existing data.',
  )
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
}
