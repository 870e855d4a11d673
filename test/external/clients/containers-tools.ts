import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './client.ts'
import type { Target } from './target.ts'

/** What podman, buildah and skopeo share: where they find the authority and the password. */
export type ContainersTools = {
  /** How to reach the server; `prefix` is skopeo's `src-` or `dest-`. */
  reach: (prefix?: string) => string[]
  authfile: (as: Account) => string[]
}

export async function containersTools(target: Target, folder: string): Promise<ContainersTools> {
  const certificates = join(folder, 'certificates')
  await mkdir(certificates)
  if (target.ca) await writeFile(join(certificates, 'ca.crt'), target.ca)
  return {
    reach: (prefix = '') => (target.ca ? [`--${prefix}cert-dir`, certificates] : [`--${prefix}tls-verify=false`]),
    authfile: ({ home }) => ['--authfile', join(home, 'auth.json')],
  }
}
