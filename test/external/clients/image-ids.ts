import assert from 'node:assert/strict'
import type { Image } from './images.ts'
import { platformImages } from './images.ts'

/** An image's id is the digest of its config, which names its uncompressed layers, which clients check as they unpack. */
export async function assertImageIds(lines: string, image: Image) {
  const ids = lines.split('\n').filter((line) => line !== '')
  const digests = new Set(ids.map((id) => `sha256:${id.replace('sha256:', '')}`))
  assert.deepEqual([...digests].sort(), (await platformImages(image)).map(({ config }) => config.digest).sort())
}
