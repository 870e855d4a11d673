import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImportError } from './import-error.ts'
import { MAX_FILES } from './limits.ts'

export interface FileAt {
  readonly path: string
  /** Why it is left alone; null: it is not. */
  readonly passedOver: string | null
}

const NAMED_LIKE_DATA = /\.(json|jsonl|ndjson|csv|zip)(\.(gz|zst))?$/i

/** The files that are given, and those of given folders, by name. What is given itself is read whatever it is called. */
export async function* filesAt(paths: readonly string[]): AsyncGenerator<FileAt> {
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false
    if (isFolder) yield* filesIn(path)
    else yield { path, passedOver: null }
  }
}

async function* filesIn(folder: string): AsyncGenerator<FileAt> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  if (entries.length > MAX_FILES) throw new ImportError(`${folder} holds more than ${MAX_FILES} files`)
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  for (const path of files.sort())
    yield {
      path,
      passedOver: NAMED_LIKE_DATA.test(path) ? null : 'it is not called .json, .jsonl, .ndjson, .csv or .zip',
    }
}
