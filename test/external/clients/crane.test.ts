import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KINDS } from './images.ts'
import { assertLayoutHolds } from './layout.ts'
import { runProgram } from './programs.ts'
import { clientSuite } from './suite.ts'

clientSuite({
  name: 'crane',
  programs: ['crane'],
  kinds: KINDS,
  can: ['delete', 'copy'],
  keepsBytes: true,
  loginAsks: false,
  mountsConfig: true,
  async open(target, folder) {
    const pulled = join(folder, 'pulled')
    const crane = (args: string[], { home }: { home: string }, input = '') =>
      runProgram('crane', args, {
        env: { DOCKER_CONFIG: home, ...(target.caFile ? { SSL_CERT_FILE: target.caFile } : {}) },
        input,
      })
    return {
      login: (as) => crane(['auth', 'login', target.host, '-u', as.username, '--password-stdin'], as, as.password),
      push: (image, reference, as) => crane(['push', image.folder, reference], as),
      pull: async (_image, reference, as) => {
        await rm(pulled, { recursive: true, force: true })
        return crane(['pull', '--format=oci', reference, pulled], as)
      },
      verify: (image) => assertLayoutHolds(pulled, image),
      remove: (reference, as) => crane(['delete', reference], as),
      copy: (_image, from, to, as) => crane(['copy', from, to], as),
      async [Symbol.asyncDispose]() {},
    }
  },
})
