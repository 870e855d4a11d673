import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAtExit } from '../../support/tools.ts'

/**
 * An empty folder, gone when the process ends. Lower case, as podman and buildah make image names of folder names;
 * short, as podman refuses a run root of more than 50 characters.
 */
export async function temporaryFolder(): Promise<string> {
  const folder = await subfolder(tmpdir(), `entrepot-${randomBytes(4).toString('hex')}`)
  removeAtExit(folder)
  return folder
}

export async function subfolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true, mode: 0o700 })
  return path
}
