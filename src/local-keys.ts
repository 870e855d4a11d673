import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LocalKeys } from './cli/command.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import type { Keys } from './keys/keys.ts'
import { environmentKeyProvider, masterKeyProvider } from './keys/master-key.ts'

/**
 * What `entrepot keys` does. `file`: where the master key is kept, or null when it comes from the environment.
 * `onRotated`: the database's keys are wrapped by this one now.
 */
export function localKeys(
  keys: Keys,
  file: string | null,
  onRotated: (provider: KeyProvider) => Promise<void>,
): LocalKeys {
  return {
    describe: async () => ({ installation: keys.installation, provider: file === null ? 'environment' : 'file', file }),
    exportKeys: (registryId) => keys.exportKeys(registryId),
    rotate: async (masterKey) => {
      if (file !== null) return await rotateFile(keys, file, onRotated)
      const provider = environmentKeyProvider(masterKey ?? '')
      const rewrapped = await keys.rewrapAll(provider)
      await onRotated(provider)
      return rewrapped
    },
  }
}

/**
 * The new key is durable beside the old one before anything is wrapped with it, and takes the old one's place only
 * afterwards: a kill at any point leaves the key that the database needs in one of the two files.
 */
async function rotateFile(
  keys: Keys,
  file: string,
  onRotated: (provider: KeyProvider) => Promise<void>,
): Promise<number> {
  const bytes = randomBytes(32)
  const next = `${file}.next`
  await writeDurably(next, `# Entrepot master key. Keep a copy apart from the data.\n${bytes.toString('base64')}\n`)
  const provider: KeyProvider = masterKeyProvider('file', bytes)
  const rewrapped = await keys.rewrapAll(provider)
  await rename(next, file)
  const directory = await open(dirname(file), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  await onRotated(provider)
  return rewrapped
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
