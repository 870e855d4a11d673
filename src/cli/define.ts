import { parseArgs } from 'node:util'
import { nearest } from '../config/nearest.ts'
import type { Command, CommandContext } from './command.ts'

/** The command line is not one we understand: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly about: string
  /** What to write after it: `<name>`. */
  readonly value?: string
  readonly multiple?: true
}
type OptionSpecs = Readonly<Record<string, OptionSpec>>

type ValueOf<O extends OptionSpec> = O extends { type: 'boolean' }
  ? boolean
  : O extends { multiple: true }
    ? string[]
    : string | undefined
export interface Input<P extends readonly string[], O extends OptionSpecs> {
  readonly positionals: { readonly [K in keyof P]: string }
  /** What followed the positionals, when the command takes one more. */
  readonly extra: string | undefined
  /** What followed, when any number may. */
  readonly rest: readonly string[]
  readonly options: { readonly [K in keyof O]: ValueOf<O[K]> }
}

export interface CommandSpec<P extends readonly string[], O extends OptionSpecs> {
  readonly name: string
  readonly summary: string
  /** More than the summary, for --help. */
  readonly about?: string
  /** A line that works as it is, or several, for --help. */
  readonly example: string
  /** Names of what must follow, in order: `registry`, `token`. */
  readonly positionals: P
  /** The name of one more that may follow. */
  readonly optional?: string
  /** The name of any number more that may follow. */
  readonly rest?: string
  readonly options: O
  readonly run: (input: Input<P, O>, context: CommandContext) => Promise<number>
}

const HELP: OptionSpec = { type: 'boolean', about: 'this text' }

/** A command with its help, from one description. */
export function defineCommand<const P extends readonly string[], const O extends OptionSpecs>(
  spec: CommandSpec<P, O>,
): Command {
  return {
    name: spec.name,
    summary: spec.summary,
    commands: [],
    options: Object.entries({ ...spec.options, help: HELP }).map(([name, { type, about }]) => {
      return { name, takesValue: type === 'string', about }
    }),
    async run(args, context, words) {
      const line = `${words} ${spec.name}`
      if (asksForHelp(args)) {
        context.io.out(helpOf(spec, line))
        return 0
      }
      return await spec.run(parse(spec, args, line), context)
    },
  }
}

/** A command that is only the first of two words. */
export function defineGroup(name: string, summary: string, commands: readonly Command[]): Command {
  return {
    name,
    summary,
    commands,
    options: [],
    async run([word, ...args], context, words) {
      const line = `${words} ${name}`
      const command = commands.find((one) => one.name === word)
      if (command) return await command.run(args, context, line)
      const list = `${summary}\n\nusage: ${line} <command>\n\n${columns(commands.map((one) => [one.name, one.summary]))}`
      if (word === undefined || !asksForHelp([word]))
        throw new UsageError(`${unknownWord(line, word, commands)}\n\n${list}`)
      context.io.out(list)
      return 0
    },
  }
}

export function unknownWord(line: string, word: string | undefined, commands: readonly Command[]): string {
  if (word === undefined) return `${line}: a command is missing`
  const meant = nearest(
    word,
    commands.map(({ name }) => name),
  )
  return `${line}: there is no command "${word}"${meant ? `; did you mean "${meant}"?` : ''}`
}

export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}

/** Two columns of text. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

function parse<P extends readonly string[], O extends OptionSpecs>(
  spec: AnySpec,
  args: readonly string[],
  line: string,
): Input<P, O> {
  const { values, positionals } = parsed(spec, args, line)
  if (positionals.length < spec.positionals.length) {
    throw new UsageError(`${line}: <${spec.positionals[positionals.length]}> is missing\n\n${usageOf(spec, line)}`)
  }
  const most = spec.positionals.length + (spec.optional === undefined ? 0 : 1)
  if (positionals.length > most && spec.rest === undefined) {
    throw new UsageError(`${line}: "${positionals[most]}" is too much\n\n${usageOf(spec, line)}`)
  }
  const absent = Object.entries(spec.options).map(([name, { type, multiple }]) => {
    return [name, type === 'boolean' ? false : multiple ? [] : undefined] as const
  })
  const extra = spec.optional === undefined ? undefined : positionals[most - 1]
  const rest = positionals.slice(most)
  const named = { positionals: positionals.slice(0, spec.positionals.length), extra, rest }
  return { ...named, options: { ...Object.fromEntries(absent), ...values } } as unknown as Input<P, O>
}

function parsed(spec: AnySpec, args: readonly string[], line: string) {
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, { type, multiple }]) => [name, { type, multiple: multiple === true }]),
  )
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    // parseArgs explains itself in a sentence, then goes on about positional arguments.
    const [sentence = ''] = (error as Error).message.split('. To specify')
    throw new UsageError(`${line}: ${sentence}\n\n${usageOf(spec, line)}`)
  }
}

type AnySpec = Pick<
  CommandSpec<readonly string[], OptionSpecs>,
  'name' | 'summary' | 'about' | 'example' | 'positionals' | 'optional' | 'rest' | 'options'
>

function usageOf({ positionals, optional, rest, options }: AnySpec, line: string): string {
  const some = Object.keys(options).length > 0 ? ' [options]' : ''
  const more = (optional === undefined ? '' : ` [<${optional}>]`) + (rest === undefined ? '' : ` [<${rest}>...]`)
  const words = positionals.map((name) => ` <${name}>`).join('') + more
  return `usage: ${line}${words}${some}\n${line} --help explains it`
}

function helpOf(spec: AnySpec, line: string): string {
  const options = Object.entries({ ...spec.options, help: HELP }).map(
    ([name, { value, about, multiple }]): [string, string] => [
      `--${name}${value ? ` ${value}` : ''}`,
      multiple ? `${about}; may be repeated` : about,
    ],
  )
  const [usage] = usageOf(spec, line).split('\n')
  const example = `example:\n${spec.example.replaceAll(/^/gm, '  ')}`
  return [spec.summary, usage, ...(spec.about ? [spec.about] : []), columns(options), example].join('\n\n')
}
