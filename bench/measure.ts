import { readFileSync } from 'node:fs'

/** Of all processes of a server together, in MiB. */
export type Memory = {
  /** Proportional set size: what several processes share is divided among them. */
  pss: number
  anonymous: number
  file: number
  shared: number
}

const none: Memory = { pss: 0, anonymous: 0, file: 0, shared: 0 }

export function memoryOf(pids: readonly number[]): Memory {
  return pids.map(rollup).reduce(add, none)
}

function add(a: Memory, b: Memory): Memory {
  return {
    pss: a.pss + b.pss,
    anonymous: a.anonymous + b.anonymous,
    file: a.file + b.file,
    shared: a.shared + b.shared,
  }
}

function rollup(pid: number): Memory {
  const text = read(`/proc/${pid}/smaps_rollup`)
  const field = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024
  return { pss: field('Pss'), anonymous: field('Pss_Anon'), file: field('Pss_File'), shared: field('Pss_Shmem') }
}

/**
 * What the processes would hold if nothing else on the machine mapped the same files: the benchmark itself runs on the
 * same Node binary as Entrepot, which makes the plain PSS of Entrepot smaller. Each file counts once, with the largest
 * share any process holds of it.
 */
export function memoryAlone(pids: readonly number[]): number {
  const files = new Map<string, number>()
  let own = 0
  for (const pid of pids) {
    const resident = residentFiles(pid)
    for (const [file, size] of resident) files.set(file, Math.max(files.get(file) ?? 0, size))
    const memory = rollup(pid)
    own += memory.anonymous + memory.shared
  }
  return own + [...files.values()].reduce((sum, size) => sum + size, 0)
}

/** MiB of file pages in memory by file; a mapping's own copies of pages it wrote are anonymous and not counted here. */
function residentFiles(pid: number): Map<string, number> {
  const files = new Map<string, number>()
  let file = ''
  for (const line of read(`/proc/${pid}/smaps`).split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+) *(.*)$/.exec(line)
    if (mapping !== null) file = mapping[1] === '0' ? '' : `${mapping[1]} ${mapping[2]}`
    if (file === '') continue
    const [, name, size] = /^(Rss|Anonymous): +(\d+) kB/.exec(line) ?? []
    if (name === undefined) continue
    const mib = Number(size) / 1024
    files.set(file, (files.get(file) ?? 0) + (name === 'Rss' ? mib : -mib))
  }
  return files
}

/** Seconds of processor time of these processes since each began. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

/** Of `/proc/<pid>/stat` the 14th and 15th field: user and system time in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** Empty when the process has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

export type Meter = { seconds: number; serverCpu: number; clientCpu: number; peakPss: number }

/** Measures a server while something runs against it. */
export async function metered(pids: () => number[], run: () => Promise<void>): Promise<Meter> {
  let peakPss = 0
  const look = (): void => {
    peakPss = Math.max(peakPss, memoryOf(pids()).pss)
  }
  const timer = setInterval(look, 400)
  const client = process.cpuUsage()
  const server = cpuSecondsOf(pids())
  const began = performance.now()
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(client)
  const serverCpu = cpuSecondsOf(pids()) - server
  look()
  return { seconds, serverCpu, clientCpu: (user + system) / 1e6, peakPss }
}
