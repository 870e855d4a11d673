import { foundation } from './0001-foundation.ts'
import { backup } from './0002-backup.ts'
import { contents } from './0002-contents.ts'
import { people } from './0002-people.ts'
import { scans } from './0002-scans.ts'
import { usage } from './0002-usage.ts'

export interface Migration {
  readonly id: number
  readonly name: string
  readonly statements: readonly string[]
}

/** In order, by hand, forward only. N and N+1 run side by side during a rolling upgrade. */
export const MIGRATIONS: readonly Migration[] = [
  { id: 1, name: 'foundation', statements: foundation },
  { id: 2, name: 'control-plane', statements: [...people, ...contents, ...usage, ...backup, ...scans] },
]
