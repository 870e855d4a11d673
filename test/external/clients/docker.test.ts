import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account, Acts } from './client.ts'
import { startDockerd } from './daemons.ts'
import { writeDockerArchive } from './docker-archive.ts'
import { assertImageIds } from './image-ids.ts'
import type { Descriptor, Image } from './images.ts'
import { platformImages } from './images.ts'
import type { Ran } from './programs.ts'
import { runProgram, sequence } from './programs.ts'
import { clientSuite } from './suite.ts'
import type { Target } from './target.ts'

clientSuite({
  name: 'docker',
  programs: ['docker', 'dockerd'],
  needsRoot: true,
  // zstd layers are read from engine 23 on; Debian 12 has 20.10. Artifacts are nothing an engine can hold.
  kinds: ['image', 'index', 'big'],
  // For loopback addresses `docker manifest push` knows plain HTTP only.
  onlyPulls: (kind, { caFile }) => kind === 'index' && caFile !== undefined,
  can: ['copy'],
  keepsBytes: false,
  loginAsks: true,
  mountsConfig: false,
  open,
})

/**
 * The engine takes 127.0.0.0/8 for a place where certificates need no check, and falls back to plain HTTP there. So
 * this shows that it speaks TLS with us, not that it trusts the authority.
 */
async function open(target: Target, folder: string): Promise<Acts> {
  const env = target.caFile ? { SSL_CERT_FILE: target.caFile } : {}
  const daemon = await startDockerd(folder, env)
  const archive = join(folder, 'archive.tar')
  const docker = (args: string[], { home }: { home: string }, input = '') =>
    runProgram('docker', ['--config', home, '--host', `unix://${daemon.socket}`, ...args], { env, input })
  const load = async (layout: string, image: Descriptor, reference: string, as: Account) => {
    await writeDockerArchive(archive, layout, image, reference)
    const loaded = await docker(['load', '--input', archive], as)
    await rm(archive)
    return loaded
  }
  const pushOne = (layout: string, image: Descriptor, reference: string, as: Account): Promise<Ran> =>
    sequence(async (step) => {
      await step(load(layout, image, reference, as))
      await step(docker(['push', reference], as))
    })
  const pushIndex = (image: Image, reference: string, as: Account): Promise<Ran> =>
    sequence(async (step) => {
      const insecure = target.caFile ? [] : ['--insecure']
      const parts: string[] = []
      for (const one of await platformImages(image)) {
        const part = `${reference}-${one.platform?.architecture}`
        await step(pushOne(image.folder, one, part, as))
        parts.push(part)
      }
      await step(docker(['manifest', 'create', ...insecure, reference, ...parts], as))
      await step(docker(['manifest', 'push', ...insecure, '--purge', reference], as))
    })
  const removeLocal = (as: Account): Promise<Ran> =>
    sequence(async (step) => {
      const { stdout } = await step(docker(['images', '--all', '--quiet', '--no-trunc'], as))
      const ids = new Set(stdout.split('\n').filter((line) => line !== ''))
      if (ids.size > 0) await step(docker(['rmi', '--force', ...ids], as))
    })
  return {
    login: (as) => docker(['login', target.host, '-u', as.username, '--password-stdin'], as, as.password),
    push: (image, reference, as) =>
      image.kind === 'index' ? pushIndex(image, reference, as) : pushOne(image.folder, image.top, reference, as),
    pull: (image, reference, as) =>
      sequence(async (step) => {
        await step(removeLocal(as))
        for (const { platform } of await platformImages(image)) {
          const flags = platform ? ['--platform', `${platform.os}/${platform.architecture}`] : []
          await step(docker(['pull', ...flags, reference], as))
        }
      }),
    async verify(image, _reference, as) {
      const { stdout } = await docker(['images', '--all', '--quiet', '--no-trunc'], as)
      await assertImageIds(stdout, image)
    },
    copy: (_image, from, to, as) =>
      sequence(async (step) => {
        await step(docker(['tag', from, to], as))
        await step(docker(['push', to], as))
      }),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  }
}
