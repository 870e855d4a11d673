import type { Auth } from '../auth/auth.ts'
import type { Contents } from '../contents/contents.ts'
import type { Cursors } from '../doors/cursors.ts'
import type { ClientOf } from '../http/client.ts'
import type { Log } from '../http/log.ts'
import type { Naming } from '../registries/hostname.ts'
import type { Registries } from '../registries/registries.ts'
import type { Scans } from '../scans/scans.ts'

export interface ManagementDeps {
  readonly registries: Registries
  readonly contents: Contents
  readonly scans: Pick<Scans, 'vulnerabilitiesOf' | 'vulnerability'>
  readonly auth: Pick<Auth, 'authenticatePerson'>
  readonly naming: Naming
  readonly cursors: Cursors
  readonly clientOf: ClientOf
  readonly log: Log
  /** Milliseconds, for the rate of name checks. */
  readonly now?: () => number
}
