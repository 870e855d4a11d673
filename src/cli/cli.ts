import { DomainError } from '../domain/error.ts'
import { programVersion } from '../version.ts'
import { advisoriesCommand } from './advisories.ts'
import { apiKeyCommand } from './api-key.ts'
import { auditCommand } from './audit.ts'
import { backupCommand } from './backup.ts'
import { checkCommand } from './check.ts'
import type { Command, CommandContext } from './command.ts'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { contractCommand } from './contract.ts'
import { asksForHelp, columns, UsageError, unknownWord } from './define.ts'
import { jobCommand } from './job.ts'
import { keysCommand } from './keys.ts'
import { loginCommand, logoutCommand, passwdCommand, whoamiCommand } from './login.ts'
import { PLANNED_COMMANDS } from './planned.ts'
import { quotaCommand } from './quota.ts'
import { registryCommand } from './registry.ts'
import { artifactCommand, repositoryCommand } from './repository.ts'
import { restoreCommand } from './restore.ts'
import { scanCommand } from './scan.ts'
import { ServerError } from './server-client.ts'
import { sessionCommand } from './session.ts'
import { ssoCommand } from './sso.ts'
import { tokenCommand } from './token.ts'
import { usageCommand } from './usage.ts'
import { userCommand } from './user.ts'

const HERE_OR_THERE: readonly Command[] = [registryCommand, tokenCommand, userCommand, scanCommand]

const ON_A_SERVER: readonly Command[] = [
  loginCommand,
  logoutCommand,
  whoamiCommand,
  passwdCommand,
  sessionCommand,
  repositoryCommand,
  artifactCommand,
  contractCommand,
  apiKeyCommand,
  ssoCommand,
  auditCommand,
  usageCommand,
  quotaCommand,
  jobCommand,
]

/** All but `serve`. */
export const COMMANDS: readonly Command[] = [
  ...HERE_OR_THERE,
  ...ON_A_SERVER,
  keysCommand,
  configCommand,
  checkCommand,
  backupCommand,
  restoreCommand,
  advisoriesCommand,
]

const PROGRAM = 'entrepot'

/** Runs what `argv` asks for. @returns the exit code: 0, 1 failed, 2 usage or settings. */
export async function runCli(
  argv: readonly string[],
  context: CommandContext,
  commands: readonly Command[],
): Promise<number> {
  const [word, ...args] = argv
  const { io } = context
  try {
    if (word === '--version') {
      io.out(`${PROGRAM} ${programVersion()}`)
      return 0
    }
    const all = [...commands, completionCommand(PROGRAM, commands)]
    const known = [...all, ...PLANNED_COMMANDS]
    const command = known.find(({ name }) => name === word)
    if (command) return await command.run(args, context, PROGRAM)
    if (word === 'help' || (word !== undefined && asksForHelp([word]))) {
      io.out(help(all))
      return 0
    }
    throw new UsageError(`${unknownWord(PROGRAM, word, known)}\n\n${help(all)}`)
  } catch (error) {
    return explain(error, context)
  }
}

function help(commands: readonly Command[]): string {
  const isHere = (command: Command) => !HERE_OR_THERE.includes(command) && !ON_A_SERVER.includes(command)
  const sections = [
    ['on a server, or on the data of this machine', commands.filter((command) => HERE_OR_THERE.includes(command))],
    ['on a server', commands.filter((command) => ON_A_SERVER.includes(command))],
    ['on this machine', commands.filter(isHere)],
  ] as const
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'Entrepot, a private container registry service',
    `usage: ${PROGRAM} <command> [options]`,
    ...sections.map(([title, some]) => {
      return `${title}:\n${columns(some.map(({ name, summary }) => [name.padEnd(width), summary]))}`
    }),
    `planned, in a later version: ${PLANNED_COMMANDS.map(({ name }) => name).join(', ')}`,
    `The server is the one of ${PROGRAM} login <url>, or ENTREPOT_URL (--url) with ENTREPOT_API_KEY. Without either,\n` +
      `${HERE_OR_THERE.map(({ name }) => name).join(', ')} act on this machine's data.`,
    `${PROGRAM} <command> --help explains one; ${PROGRAM} config schema explains the settings (ENTREPOT_…)`,
  ].join('\n\n')
}

/** What the reader can act on is one sentence; what they cannot is shown whole, for whoever is asked. */
function explain(error: unknown, { io }: CommandContext): number {
  if (error instanceof UsageError) {
    io.err(error.message)
    return 2
  }
  if (error instanceof Error && error.name === 'ConfigError') {
    io.err(`${PROGRAM}: the settings are not right\n${error.message.replaceAll(/^/gm, '  ')}`)
    return 2
  }
  if (error instanceof DomainError || error instanceof ServerError || isForOperators(error)) {
    io.err(`${PROGRAM}: ${error.message}`)
    return 1
  }
  io.err(`${PROGRAM}: something unexpected happened; please report it with what follows`)
  io.err(error instanceof Error ? (error.stack ?? error.message) : String(error))
  return 1
}

/** A wrong master key, or an error of the system (a directory that may not be written), whose text names what is wrong. */
function isForOperators(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'MasterKeyError' || ('syscall' in error && 'code' in error))
}
