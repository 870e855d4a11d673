import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import { destination, pino, stdSerializers } from 'pino'
import type { PinoPretty } from 'pino-pretty'

/** What rooms write to: facts first, then a sentence. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface LogOptions {
  /** auto: text on a terminal, else json. */
  readonly format: 'auto' | 'json' | 'text'
  /** Default: standard output. */
  readonly to?: { write(line: string): void; readonly isTTY?: boolean }
}

/** In case one slips into the facts: none of these belongs into a log. */
const NEVER_LOGGED = ['password', 'secret', 'token', 'authorization', 'cookie', 'refresh_token', 'masterKey'].flatMap(
  (name) => [name, `*.${name}`],
)

/** Only for a person who looks: forty files. */
const loadPretty = (): typeof PinoPretty => createRequire(import.meta.url)('pino-pretty')

/** JSON lines for programs, one readable line for people. Errors go under `err`; their causes are logged too. */
export function createLog({ format, to }: LogOptions): Logger {
  const terminal = to ? to.isTTY === true : process.stdout.isTTY
  const text = format === 'text' || (format === 'auto' && terminal)
  const options = {
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: NEVER_LOGGED, censor: '[not logged]' },
  }
  if (!text) return pino(options, to ?? destination({ fd: 1, sync: false }))
  return pino(
    options,
    loadPretty()({
      colorize: terminal,
      ignore: 'pid',
      translateTime: 'SYS:HH:MM:ss',
      sync: true,
      ...(to ? { destination: writable(to) } : {}),
    }),
  )
}

function writable(to: { write(line: string): void }): NodeJS.WritableStream {
  return to as NodeJS.WritableStream
}
