import { isFields } from './fields.ts'
import { ImportError, NotAdvisories } from './import-error.ts'
import { isOsv } from './osv.ts'
import type { Where } from './take-text.ts'
import { takeValue, textTaker } from './take-text.ts'
import { packingOf, packingOfBytes, readUnpacked } from './unpack.ts'
import { readZip } from './zip-entries.ts'

/** Recognises a file by its content and takes in what it holds. @throws ImportError, NotAdvisories, or an error of the file system */
export async function takeFile(path: string, where: Where): Promise<void> {
  const packing = await packingOf(path)
  if (packing === 'zip') return await takeZip(path, where)
  const taker = textTaker(where)
  await readUnpacked(path, packing, (piece) => taker.push(piece))
  taker.end()
}

/** OSV's all.zip holds one record a file. What in an archive is not ours is a bad record; nothing ours in it refuses it. */
async function takeZip(path: string, where: Where): Promise<void> {
  const { tally } = where
  await readZip(
    path,
    (name, bytes) => {
      try {
        takeEntry(name, bytes, where)
      } catch (error) {
        if (!(error instanceof ImportError || error instanceof NotAdvisories)) throw error
        tally.bad(name, error.message)
      }
    },
    (name, reason) => tally.bad(name, reason),
  )
  if (tally.isEmpty) throw new ImportError('the archive holds no record that we know')
}

function takeEntry(name: string, bytes: Buffer, where: Where): void {
  if (packingOfBytes(bytes) !== 'plain') throw new ImportError('it is packed once more')
  const value = parsed(bytes)
  if (isFields(value) && isOsv(value)) {
    takeValue(value, name, where)
    return
  }
  const taker = textTaker(where)
  taker.push(bytes)
  taker.end()
}

function parsed(bytes: Buffer): unknown {
  if (bytes[0] !== 0x7b) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
