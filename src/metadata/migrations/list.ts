import { foundation } from './0001-foundation.ts'

export interface Migration {
  readonly id: number
  readonly name: string
  readonly statements: readonly string[]
}

/** In order, by hand, forward only. N and N+1 run side by side during a rolling upgrade. */
export const MIGRATIONS: readonly Migration[] = [{ id: 1, name: 'foundation', statements: foundation }]
