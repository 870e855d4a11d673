import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createEgress } from './http/egress.ts'
import type { RefreshRequest } from './scanner/advisories/refresh.ts'
import { refreshAdvisories } from './scanner/advisories/refresh.ts'
import { onlyHere } from './scanner/advisories/sqlite-file.ts'

// Where advisories are fetched and made into a snapshot: a process of its own, since that takes a core for a while and memory that a
// process that answers requests should not hold. It has no key and no database. src/scans/run-feeds.ts starts it, bounds it and reads
// the answer.

/** What it is told, besides what to do. */
export interface FeedsTask extends RefreshRequest {
  readonly egressAllow: readonly string[]
}

/** A line on stdin; its end means that whoever asked is gone. */
async function taskFrom(input: NodeJS.ReadableStream): Promise<FeedsTask> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  input.setEncoding('utf8')
  input.on('data', (chunk: string) => {
    text += chunk
    if (text.endsWith('\n')) resolve(text)
  })
  input.on('end', () => process.exit(1))
  return JSON.parse(await promise) as FeedsTask
}

const { egressAllow, ...request } = await taskFrom(process.stdin)
mkdirSync(request.folder, { recursive: true, mode: 0o700 })
using _alone = onlyHere(join(request.folder, 'feeds.lock'))
// The file's own deadline comes first: it knows what has come by then.
const timeoutMs = request.timeoutMs + 10_000
const fetch = createEgress({ allow: egressAllow, timeoutMs, maxBytes: request.maxBytes })
const result = await refreshAdvisories(request, { fetch })
process.stdout.write(JSON.stringify(result), () => process.exit(0))
