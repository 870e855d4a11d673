/** The smallest programs of Windows and macOS that hold what Go's linker wrote. */

const BYTES = 17 * 1024

export function peProgram(info: Uint8Array): Buffer {
  const bytes = Buffer.alloc(BYTES)
  bytes.write('MZ', 'latin1')
  bytes.writeUInt32LE(0x80, 0x3c)
  bytes.write('PE\0\0', 0x80, 'latin1')
  bytes.writeUInt16LE(2, 0x86)
  bytes.writeUInt16LE(0xf0, 0x94)
  bytes.writeUInt16LE(0x20b, 0x98)
  bytes.writeBigUInt64LE(0x400000n, 0x98 + 24)
  for (const [index, name] of ['.text', '.data'].entries()) {
    const at = 0x98 + 0xf0 + index * 40
    bytes.write(name, at, 'latin1')
    for (const [field, value] of [0x1000, 0x1000, 0x1000, 0x1000].entries())
      bytes.writeUInt32LE(value, at + 8 + field * 4)
    bytes.writeUInt32LE(name === '.data' ? 0xc0000040 : 0x60000020, at + 36)
  }
  bytes.set(info, 0x1000)
  return bytes
}

export function machProgram(info: Uint8Array): Buffer {
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt32LE(0xfeedfacf, 0)
  bytes.writeUInt32LE(1, 16)
  const command = 32
  bytes.writeUInt32LE(0x19, command)
  bytes.writeUInt32LE(72 + 80, command + 4)
  bytes.write('__DATA', command + 8, 'latin1')
  for (const [field, value] of [0x1000, 0x1000, 0x1000, 0x1000].entries())
    bytes.writeBigUInt64LE(BigInt(value), command + 24 + field * 8)
  bytes.writeUInt32LE(3, command + 56)
  bytes.writeUInt32LE(3, command + 60)
  bytes.writeUInt32LE(1, command + 64)
  const section = command + 72
  bytes.write('__go_buildinfo', section, 'latin1')
  bytes.writeBigUInt64LE(0x1000n, section + 32)
  bytes.writeBigUInt64LE(BigInt(info.length), section + 40)
  bytes.writeUInt32LE(0x1000, section + 48)
  bytes.set(info, 0x1000)
  return bytes
}

/** For two processors, the first of which is this one. */
export function fatProgram(info: Uint8Array): Buffer {
  const bytes = Buffer.alloc(64 + BYTES)
  bytes.writeUInt32BE(0xcafebabe, 0)
  bytes.writeUInt32BE(2, 4)
  bytes.writeUInt32BE(64, 16)
  bytes.writeUInt32BE(BYTES, 20)
  machProgram(info).copy(bytes, 64)
  return bytes
}
