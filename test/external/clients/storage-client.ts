import type { Account, Acts, Client } from './client.ts'
import { containersTools } from './containers-tools.ts'
import { assertImageIds } from './image-ids.ts'
import type { Image } from './images.ts'
import { LAYOUT_TAG, platformImages } from './images.ts'
import type { Ran } from './programs.ts'
import { runProgram, sequence } from './programs.ts'
import type { Target } from './target.ts'

/** podman and buildah: two programs over the same libraries, with the same words for everything that matters here. */
export function storageClient(name: 'podman' | 'buildah', ownFlags: (folder: string) => string[]): Client {
  return {
    name,
    programs: [name],
    needsRoot: true,
    kinds: ['image', 'index', 'zstd', 'big'],
    can: ['copy'],
    keepsBytes: false,
    loginAsks: true,
    mountsConfig: false,
    open: (target, folder) => openStorage(target, folder, storageCommand(name, folder, ownFlags(folder))),
  }
}

export type Command = (args: string[], input?: string) => Promise<Ran>

/** The program with storage of its own, where files are copied (vfs) and nothing has to be mounted. */
export function storageCommand(name: string, folder: string, flags: string[]): Command {
  const own = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--storage-driver', 'vfs', ...flags]
  return (args, input = '') => runProgram(name, [...own, ...args], { input })
}

async function openStorage(target: Target, folder: string, command: Command): Promise<Acts> {
  const { reach, authfile } = await containersTools(target, folder)
  const remote = (as: Account) => [...(as.username ? authfile(as) : []), ...reach()]
  const load = (source: string) => command(['pull', '--quiet', source])
  const pushTagged = async (image: Image, reference: string, as: Account) => {
    const compression = image.kind === 'zstd' ? ['--compression-format', 'zstd'] : []
    return command(['push', ...remote(as), ...compression, reference, `docker://${reference}`])
  }
  return {
    login: (as) => command(['login', ...remote(as), '-u', as.username, '--password-stdin', target.host], as.password),
    push: (image, reference, as) =>
      sequence(async (step) => {
        if (image.kind === 'index') {
          await step(command(['manifest', 'create', reference]))
          await step(command(['manifest', 'add', '--all', reference, `oci:${image.folder}:${LAYOUT_TAG}`]))
          return step(command(['manifest', 'push', '--all', ...remote(as), reference, `docker://${reference}`]))
        }
        const id = (await step(load(`oci:${image.folder}:${LAYOUT_TAG}`))).stdout.trim()
        await step(command(['tag', id, reference]))
        return step(pushTagged(image, reference, as))
      }),
    pull: (image, reference, as) =>
      sequence(async (step) => {
        await step(command(['rmi', '--all', '--force']))
        for (const { platform } of await platformImages(image)) {
          const flags = platform ? ['--platform', `${platform.os}/${platform.architecture}`] : []
          await step(command(['pull', ...remote(as), ...flags, `docker://${reference}`]))
        }
      }),
    async verify(image) {
      const { stdout } = await command(['images', '--all', '--no-trunc', '--quiet'])
      await assertImageIds(stdout, image)
    },
    copy: (image, from, to, as) =>
      sequence(async (step) => {
        await step(command(['tag', from, to]))
        return step(pushTagged(image, to, as))
      }),
    async [Symbol.asyncDispose]() {},
  }
}
