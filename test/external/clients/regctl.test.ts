import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './client.ts'
import { KINDS, LAYOUT_TAG } from './images.ts'
import { assertLayoutHolds } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  name: 'regctl',
  programs: ['regctl'],
  kinds: KINDS,
  can: ['delete', 'copy'],
  keepsBytes: true,
  loginAsks: true,
  mountsConfig: true,
  async open(target, folder) {
    const pulled = join(folder, 'pulled')
    const regctl = (args: string[], { home }: Account, input = '') =>
      runProgram('regctl', args, {
        env: {
          REGCTL_CONFIG: join(home, 'regctl.json'),
          DOCKER_CONFIG: home,
          ...(target.caFile ? { SSL_CERT_FILE: target.caFile } : {}),
        },
        input,
      })
    const reach = ['--host', `reg=${target.host},tls=${target.caFile ? 'enabled' : 'disabled'}`]
    return {
      async login(as) {
        const known = await regctl(
          ['registry', 'set', target.host, '--skip-check', '--tls', target.caFile ? 'enabled' : 'disabled'],
          as,
        )
        return known.code
          ? known
          : regctl(['registry', 'login', target.host, '-u', as.username, '--pass-stdin'], as, as.password)
      },
      push: (image, reference, as) =>
        regctl(['image', 'copy', `ocidir://${image.folder}:${LAYOUT_TAG}`, reference], as),
      pull: async (_image, reference, as) => {
        await rm(pulled, { recursive: true, force: true })
        return regctl(
          [...(as.username ? [] : reach), 'image', 'copy', reference, `ocidir://${pulled}:${LAYOUT_TAG}`],
          as,
        )
      },
      verify: (image) => assertLayoutHolds(pulled, image),
      remove: (reference, as) => regctl(['manifest', 'delete', reference], as),
      copy: (_image, from, to, as) => regctl(['image', 'copy', from, to], as),
      async [Symbol.asyncDispose]() {},
    }
  },
})
