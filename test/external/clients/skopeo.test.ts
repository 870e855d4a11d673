import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './client.ts'
import { containersTools } from './containers-tools.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { assertLayoutHolds } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  name: 'skopeo',
  programs: ['skopeo'],
  kinds: KINDS,
  can: ['delete', 'copy'],
  keepsBytes: true,
  loginAsks: true,
  mountsConfig: false,
  async open(target, folder) {
    const { reach, authfile } = await containersTools(target, folder)
    const pulled = join(folder, 'pulled')
    const skopeo = (args: string[], input = '') => runProgram('skopeo', args, { input })
    const copy = (from: string, to: string, as: Account) => {
      const sides = [from.startsWith('docker:') ? reach('src-') : [], to.startsWith('docker:') ? reach('dest-') : []]
      return skopeo(['copy', '--all', '--preserve-digests', ...authfile(as), ...sides.flat(), from, to])
    }
    return {
      login: (as) =>
        skopeo(['login', ...authfile(as), ...reach(), '-u', as.username, '--password-stdin', target.host], as.password),
      push: (image, reference, as) => copy(`oci:${image.folder}:${LAYOUT_TAG}`, `docker://${reference}`, as),
      pull: async (_image, reference, as) => {
        await rm(pulled, { recursive: true, force: true })
        return copy(`docker://${reference}`, `oci:${pulled}:${LAYOUT_TAG}`, as)
      },
      verify: (image) => assertLayoutHolds(pulled, image),
      remove: (reference, as) => skopeo(['delete', ...authfile(as), ...reach(), `docker://${reference}`]),
      copy: (_image, from, to, as) => copy(`docker://${from}`, `docker://${to}`, as),
      async [Symbol.asyncDispose]() {},
    }
  },
})
