import type { CheckedKey } from '../metadata/tables/check.ts'
import { keysIn, registriesWithoutKey } from '../metadata/tables/check.ts'
import type { CheckRun } from './deps.ts'
import { windowsOf } from './deps.ts'
import type { Problem } from './problem.ts'

/** Every data key unwraps; every live registry has one. */
export async function* checkKeys(run: CheckRun): AsyncGenerator<Problem, void, void> {
  for await (const window of windowsOf(run, 'data_keys')) {
    run.figures.counted.keys += window.rows
    for (const key of await run.metadata.read((sql) => keysIn(sql, window))) {
      const problem = await checkKey(run, key)
      if (problem) yield problem
    }
  }
  for await (const window of windowsOf(run, 'registries')) {
    run.figures.counted.registries += window.rows
    for (const { name } of await run.metadata.read((sql) => registriesWithoutKey(sql, window)))
      yield {
        kind: 'registry_without_key',
        subject: name,
        detail: 'it has no data key, so nothing can be pushed to it',
      }
  }
}

async function checkKey(run: CheckRun, { id, registry_id, destroyed }: CheckedKey): Promise<Problem | null> {
  if (destroyed === 1) {
    run.unreadableKeys.add(id)
    return null
  }
  try {
    await run.keyring.byId(id)
    return null
  } catch (error) {
    run.unreadableKeys.add(id)
    const detail = `data key of registry ${registry_id} does not unwrap (${reasonOf(error)}): what it encrypted is not looked into`
    return { kind: 'key_unreadable', subject: `data key ${id}`, detail }
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
