import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'

export type Machine = {
  cores: number
  processor: string
  memoryGib: number
  kernel: string
  fileSystem: string
  node: string
  date: string
}

/** Magic numbers of statfs(2). */
const fileSystems: Record<number, string> = {
  [0xef53]: 'ext4',
  [0x58465342]: 'xfs',
  [0x9123683e]: 'btrfs',
  [0x01021994]: 'tmpfs',
  [0x794c7630]: 'overlayfs',
}

export async function thisMachine(): Promise<Machine> {
  const { type } = await statfs(tmpdir())
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim().replace(/-.*/, ''),
    fileSystem: fileSystems[type] ?? `type 0x${type.toString(16)}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  }
}

/** On a file system in memory fsync costs nothing, and the comparison says little about disks. */
export function warnings({ fileSystem }: Machine): string[] {
  return fileSystem === 'tmpfs' ? ['the data lies on a file system in memory: choose another with --dir'] : []
}
