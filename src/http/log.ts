/** What this room writes to: any pino logger fits. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }
