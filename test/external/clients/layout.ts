import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account, Acts } from './client.ts'
import type { Image } from './images.ts'
import { blobPath, closure, sha256OfFile } from './images.ts'
import type { Ran } from './programs.ts'

/** Fails unless the OCI layout at `folder` names the image, perhaps with what it refers to, and has every byte of it. */
export async function assertLayoutHolds(folder: string, image: Image) {
  const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))
  const named: string[] = manifests.map(({ digest }: { digest: string }) => digest)
  assert.ok(named.includes(image.top.digest), `${image.top.digest} is not among ${named}`)
  await assertBlobsHold(folder, image)
}

/** Fails unless every blob of the image is in the folder `blobs`, as it should be. */
export async function assertBlobsHold(folder: string, image: Image) {
  for (const { digest } of await closure(folder, image.top)) {
    assert.equal(await sha256OfFile(blobPath(folder, digest)), digest)
  }
}

/** What a client that reads and writes OCI layouts still has to say. */
export type LayoutActs = Omit<Acts, 'pull' | 'verify' | typeof Symbol.asyncDispose> & {
  /** Brings the image into a new layout at `into`, named like those of `makeImage`. */
  fetch: (reference: string, into: string, as: Account) => Promise<Ran>
}

export function layoutActs(folder: string, { fetch, ...acts }: LayoutActs): Acts {
  const pulled = join(folder, 'pulled')
  return {
    ...acts,
    async pull(_image, reference, as) {
      await rm(pulled, { recursive: true, force: true })
      return fetch(reference, pulled, as)
    },
    verify: (image) => assertLayoutHolds(pulled, image),
    async [Symbol.asyncDispose]() {},
  }
}
