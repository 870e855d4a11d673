import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Image } from './images.ts'
import { blobPath, closure, sha256OfFile } from './images.ts'

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
