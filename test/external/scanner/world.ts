import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importAdvisories } from '../../../src/scanner/advisories/import-advisories.ts'
import type { OpenSnapshot } from '../../../src/scanner/advisories/open-snapshot.ts'
import { openSnapshot } from '../../../src/scanner/advisories/open-snapshot.ts'
import type { MatchResult, Verdict } from '../../../src/scanner/finding.ts'
import { mergeLayers } from '../../../src/scanner/layers/merge-layers.ts'
import { verdictOn } from '../../../src/scanner/matching/verdict.ts'
import { layerFacts } from '../../support/image-layers.ts'
import { removeAtExit } from '../../support/tools.ts'

export const ADVISORIES = fileURLToPath(new URL('../../../../shared/data/advisories', import.meta.url))
export const TODAY = Date.UTC(2026, 10, 25)

/** All of the published advisories, as an installation takes them in. */
export async function snapshotOfAll(): Promise<OpenSnapshot> {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-findings-'))
  removeAtExit(folder)
  const { snapshot, files } = await importAdvisories({ paths: [ADVISORIES], base: null, folder, now: TODAY })
  if (snapshot === null) throw new Error(JSON.stringify(files.filter(({ refused }) => refused !== null)))
  return openSnapshot(snapshot.path)
}

export async function verdictOnImage(image: string, index: OpenSnapshot): Promise<Verdict> {
  const inventory = mergeLayers([{ digest: 'sha256:0', facts: await layerFacts(image) }])
  return verdictOn(inventory, index, { today: TODAY, lowestLayer: 'sha256:0' })
}

/** @throws when the verdict is unknown. */
export function resultOf(verdict: Verdict): MatchResult {
  if (verdict.status !== 'scanned') throw new Error(`${verdict.status}: ${verdict.reason}`)
  return verdict.result
}
