import type { ListableBlobStore } from '../blobs/blob-store.ts'
import type { Keyring } from '../encryption/keyring.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { IdWindow, NumberedTable } from '../metadata/tables/check.ts'
import { nextWindow } from '../metadata/tables/check.ts'
import type { Figures } from './problem.ts'

/** `rows`: everything the database says, and that the objects are there; `bytes`: also reads and hashes every blob. */
export type Depth = 'rows' | 'bytes'

export interface CheckDeps {
  readonly metadata: MetadataStore
  readonly blobs: ListableBlobStore
  readonly keyring: Keyring
  /** UUID of the installation whose database this is. */
  readonly installation: string
  /** Milliseconds UTC by the store's clock, which ages its objects. */
  readonly now: () => number
}

/** One run: what its parts share. */
export interface CheckRun extends CheckDeps {
  readonly depth: Depth
  readonly repair: boolean
  readonly figures: Figures
  /** Data keys that do not unwrap, or were destroyed: what they encrypted is not looked into. */
  readonly unreadableKeys: Set<number>
}

const WINDOW = 500

/** A table in windows of its ids, so that neither memory nor a statement grows with it. */
export async function* windowsOf(run: CheckRun, table: NumberedTable): AsyncGenerator<IdWindow, void, void> {
  let from = 0
  for (;;) {
    const after = from
    const window = await run.metadata.read((sql) => nextWindow(sql, table, after, WINDOW))
    if (window === null) return
    yield window
    from = window.upTo
  }
}
