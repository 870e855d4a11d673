import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LayerFacts } from '../src/scanner/facts.ts'
import { mergeLayers } from '../src/scanner/layers/merge-layers.ts'
import { runChild } from '../src/scans/run-child.ts'
import { CHILD } from '../src/scans-of.ts'
import { writeLayout } from '../test/support/oci-layout.ts'
import { removeAtExit, tool } from '../test/support/tools.ts'
import type { BenchLayer } from './scan-images.ts'
import { scanImages } from './scan-images.ts'
import type { ScanFigure, ScanPart } from './scan-result.ts'
import { spreadOf } from './statistics.ts'

const ROUNDS = 5
const AT_A_TIME = 2
const SYFT = { name: 'syft', version: '1.57.1' }

/** Reading an image that lies in a folder: by our processes, as an installation starts them, and by syft, in turns. */
export const part: ScanPart = {
  measure: async ({ scale }) => {
    const { base, top } = await scanImages()
    const rounds = Math.max(1, Math.round(ROUNDS * scale))
    const figures: ScanFigure[] = []
    for (const form of ['gzip', 'zstd'] as const) figures.push(...(await compare(base, form, rounds)))
    figures.push(...(await compare([top], 'gzip', rounds)))
    return figures
  },
}

interface Reading {
  readonly seconds: number
  readonly packages: number
}

async function compare(layers: readonly BenchLayer[], form: 'gzip' | 'zstd', rounds: number): Promise<ScanFigure[]> {
  // On the file system of the layers, where links are possible.
  const folder = await mkdtemp(join(layers[0]?.gzip.path ?? tmpdir(), '../layout-'))
  removeAtExit(folder)
  const paths = layers.map((layer) => layer[form].path)
  await writeLayout(folder, paths, form)
  const size = Math.round(layers.reduce((sum, layer) => sum + layer[form].size, 0) / 1e6)
  const syft = tool(SYFT.name)
  const [ours, theirs]: [Reading[], Reading[]] = [[], []]
  await readByUs(layers, form) // what is kept in memory, and the code of the process
  for (let round = 0; round < rounds; round += 1) {
    const turns = [
      async () => void ours.push(await readByUs(layers, form)),
      async () => void (syft && theirs.push(await readBySyft(syft, folder))),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn()
  }
  await rm(folder, { recursive: true })
  const of = (readings: readonly Reading[]): string => {
    const { min, max } = spreadOf(readings.map(({ seconds }) => seconds))
    return `${size} MB of ${form}, ${readings[0]?.packages} packages; ${rounds} rounds, ${min.toFixed(2)}-${max.toFixed(2)} s`
  }
  const median = (readings: readonly Reading[]) => spreadOf(readings.map(({ seconds }) => seconds)).median
  const figures: ScanFigure[] = [{ what: 'read by Entrepot', of: of(ours), value: median(ours), unit: 's' }]
  if (theirs.length === 0) return figures
  figures.push({ what: `read by syft ${SYFT.version}`, of: of(theirs), value: median(theirs), unit: 's' })
  figures.push({ what: 'ours to syft', of: 'of the medians', value: median(ours) / median(theirs), unit: 'x', goal: 1 })
  return figures
}

/** The largest first, two at a time, each in a process of its own: as src/scans/read-image.ts does. */
async function readByUs(layers: readonly BenchLayer[], form: 'gzip' | 'zstd'): Promise<Reading> {
  const began = performance.now()
  const waiting = [...layers].sort((a, b) => a[form].size - b[form].size)
  const facts = new Map<string, LayerFacts>()
  const work = async (): Promise<void> => {
    for (let layer = waiting.pop(); layer !== undefined; layer = waiting.pop()) {
      const bytes = createReadStream(layer[form].path, { highWaterMark: 1024 * 1024 })
      const { facts: found } = await runChild(CHILD, bytes, [], new AbortController().signal)
      facts.set(layer.name, found)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  const inventory = mergeLayers(
    layers.flatMap(({ name }) => {
      const known = facts.get(name)
      return known ? [{ digest: name, facts: known }] : []
    }),
  )
  return { seconds: (performance.now() - began) / 1000, packages: inventory.packages.length }
}

async function readBySyft(program: string, folder: string): Promise<Reading> {
  const began = performance.now()
  const args = ['scan', `oci-dir:${folder}`, '-q', '-o', 'syft-json']
  const env = { ...process.env, SYFT_CHECK_FOR_APP_UPDATE: 'false', SYFT_FILE_METADATA_SELECTION: 'none' }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer)
  const seconds = (performance.now() - began) / 1000
  const { artifacts } = JSON.parse(Buffer.concat(chunks).toString()) as { artifacts: unknown[] }
  return { seconds, packages: artifacts.length }
}
