import type { Accounts } from '../accounts/accounts.ts'
import type { BackUpOptions, BackupReport } from '../backup/back-up.ts'
import type { FileOptions } from '../backup/back-up-to-file.ts'
import type { RestoreReport } from '../backup/restore.ts'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/read-settings.ts'
import type { Naming } from '../registries/hostname.ts'
import type { Registries } from '../registries/registries.ts'
import type { Scans } from '../scans/scans.ts'

/** Where a command speaks and listens; a test brings its own. */
export interface Io {
  /** Results: one line, or several. */
  out(text: string): void
  /** A long result, as it comes. */
  pour(chunks: AsyncIterable<Uint8Array>): Promise<void>
  /** Everything else. */
  err(text: string): void
  /** A person sits there and can be asked. */
  readonly interactive: boolean
  /** One line, typed or piped, without its end; empty at the end of input. `hidden`: what is typed is not shown. */
  ask(prompt: string, options: { readonly hidden: boolean }): Promise<string>
}

export interface CommandContext {
  readonly io: Io
  readonly env: Environment
  /** Milliseconds UTC. */
  readonly now: () => number
  /** The installation that the settings name, also while its server runs. */
  readonly openLocal: (config: Config) => Promise<LocalApp>
  /** Makes the installation that the settings name. @throws `conflict` when there is one already. */
  readonly restore: (config: Config, options: RestoreOptions) => Promise<RestoreReport>
}

export type RestoreOptions =
  /** The folder or file of a backup. */
  | { readonly from: 'backup'; readonly path: string }
  /** `snapshot`: null for the newest. */
  | { readonly from: 'store'; readonly snapshot: string | null }

/** One word of the command line. */
export interface Command {
  readonly name: string
  /** One line in the list of commands. */
  readonly summary: string
  /** What may follow as the next word; for completion. */
  readonly commands: readonly Command[]
  readonly options: readonly CommandOption[]
  /** `words`: what stands before `args`, for help and errors: `entrepot registry`. @returns the exit code: 0, 1 failed, 2 usage. */
  run(args: readonly string[], context: CommandContext, words: string): Promise<number>
}

export interface CommandOption {
  /** Without the dashes. */
  readonly name: string
  readonly takesValue: boolean
  readonly about: string
}

/** What commands at the machine itself act on; nobody has to log in. */
export interface LocalApp extends AsyncDisposable {
  readonly registries: Registries
  readonly naming: Naming
  readonly accounts: Pick<Accounts, 'addUser' | 'listUsers' | 'setOperator' | 'setPassword'>
  readonly keys: LocalKeys
  readonly scans: Pick<Scans, 'report' | 'history' | 'scan' | 'followImports'>
  /** Does what is in the queue, together with a server if one runs, until it is disposed; what fails is said. */
  work(say: (text: string) => void): AsyncDisposable
  /** Null when there is no such contract. */
  contract(contractId: number): Promise<{ readonly name: string } | null>
  /** `fast`: does not read and hash every blob. @throws `unsupported` when the store is another installation's. */
  check(options: { readonly repair: boolean; readonly fast: boolean }): Promise<CheckReport>
  /** @throws `conflict` for a folder or file that is not for it; `unavailable` when it must be run again. */
  backUp(options: BackUpOptions | FileOptions): Promise<BackupReport>
}

export interface LocalKeys {
  describe(): Promise<KeySummary>
  /** A registry's data keys in the clear, as Tink keysets. By internal id. */
  exportKeys(registryId: number): Promise<readonly unknown[]>
  /** Changes the master key: to `masterKey`, or, when it is kept in a file, to a new one made there. @returns keys wrapped anew. */
  rotate(masterKey: string | null): Promise<number>
}

export interface KeySummary {
  readonly installation: string
  /** `file` or `environment`. */
  readonly provider: string
  /** The path of the key file, when there is one. */
  readonly file: string | null
}

export interface CheckReport {
  /** How many of each kind were looked at: `manifests`, `objects` … */
  readonly checked: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly repaired: readonly string[]
}
