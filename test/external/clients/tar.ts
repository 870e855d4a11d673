/** What a tar file holds: names ending in `/` are folders. */
export interface TarEntry {
  name: string
  content?: string | Buffer
}

const BLOCK_BYTES = 512

/** A reproducible ustar archive: owner 0, time 0, entries in the order given. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ name, content = '' }) => {
    const body = Buffer.from(content)
    return [tarHeader(name, body.length), body, padding(body.length)]
  })
  return Buffer.concat([...parts, TAR_END])
}

/** Two empty blocks end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES)

export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES)
}

/** The 512 bytes before a file's content. Sizes up to 8 GiB - 1 (eleven octal digits). */
export function tarHeader(name: string, size: number): Buffer {
  const folder = name.endsWith('/')
  const header = Buffer.alloc(BLOCK_BYTES)
  header.write(name, 0, 100, 'utf8')
  header.write(folder ? '0000755\0' : '0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148) // the checksum counts its own field as spaces
  header.write(folder ? '5' : '0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
