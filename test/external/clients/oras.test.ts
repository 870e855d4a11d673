import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './client.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { assertLayoutHolds } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  name: 'oras',
  programs: ['oras'],
  kinds: KINDS,
  can: ['delete', 'copy'],
  keepsBytes: true,
  loginAsks: true,
  mountsConfig: true,
  async open(target, folder) {
    const pulled = join(folder, 'pulled')
    const oras = (args: string[], input = '') => runProgram('oras', args, { input })
    const reach = (as: Account, prefix = '') => [
      `--${prefix}registry-config`,
      join(as.home, 'config.json'),
      ...(target.caFile ? [`--${prefix}ca-file`, target.caFile] : [`--${prefix}plain-http`]),
    ]
    return {
      login: (as) => oras(['login', target.host, ...reach(as), '-u', as.username, '--password-stdin'], as.password),
      push: (image, reference, as) =>
        oras(['cp', '--from-oci-layout', `${image.folder}:${LAYOUT_TAG}`, ...reach(as, 'to-'), reference]),
      pull: async (_image, reference, as) => {
        await rm(pulled, { recursive: true, force: true })
        return oras(['cp', ...reach(as, 'from-'), reference, '--to-oci-layout', `${pulled}:${LAYOUT_TAG}`])
      },
      verify: (image) => assertLayoutHolds(pulled, image),
      remove: (reference, as) => oras(['manifest', 'delete', '--force', ...reach(as), reference]),
      copy: (_image, from, to, as) => oras(['cp', ...reach(as, 'from-'), from, ...reach(as, 'to-'), to]),
      async [Symbol.asyncDispose]() {},
    }
  },
})
