import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateRawSync, inflateRawSync } from 'node:zlib'

/**
 * What once broke a promise or was answered as nothing else: a line each of `corpus/TARGET.jsonl`, with what was answered then (for
 * people) and the bytes, deflated, in base64.
 */
export interface Kept {
  readonly why: string
  readonly bytes: string
}

const MAX_KEPT = 40
const MAX_KEPT_BYTES = 3_000

function fileOf(name: string): string {
  return fileURLToPath(new URL(`corpus/${name}.jsonl`, import.meta.url))
}

function readKept(name: string): Kept[] {
  const path = fileOf(name)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Kept)
}

export function corpusOf(name: string): { readonly why: string; readonly input: Buffer }[] {
  return readKept(name).map(({ why, bytes }) => ({ why, input: inflateRawSync(Buffer.from(bytes, 'base64')) }))
}

/** Adds what broke a promise (always), and the shortest inputs of new answers while there is room. */
export function keep(name: string, broken: readonly [string, Buffer][], answers: readonly [string, Buffer][]): void {
  const kept = readKept(name)
  const known = new Set(kept.map(({ why }) => why))
  const short = [...answers].sort(([, a], [, b]) => a.length - b.length)
  for (const [why, input] of [...broken, ...short]) {
    const bytes = deflateRawSync(input).toString('base64')
    const isBroken = broken.some(([one]) => one === why)
    if (known.has(why) || (!isBroken && (kept.length >= MAX_KEPT || bytes.length > MAX_KEPT_BYTES))) continue
    known.add(why)
    kept.push({ why: why.slice(0, 200), bytes })
  }
  mkdirSync(fileURLToPath(new URL('corpus', import.meta.url)), { recursive: true })
  writeFileSync(fileOf(name), kept.map((one) => `${JSON.stringify(one)}\n`).join(''))
}
