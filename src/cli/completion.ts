import type { Command } from './command.ts'
import { defineCommand, defineGroup } from './define.ts'

/** One place on the command line: the words so far, and what may come next. */
interface Place {
  readonly words: string
  readonly commands: readonly Pick<Command, 'name' | 'summary'>[]
  readonly options: Command['options']
}

const SHELLS = {
  bash: [bashScript, 'source <(entrepot completion bash)   # in ~/.bashrc'],
  zsh: [zshScript, 'source <(entrepot completion zsh)   # in ~/.zshrc, after compinit'],
  fish: [fishScript, 'entrepot completion fish > ~/.config/fish/completions/entrepot.fish'],
} as const

/** Scripts that know every command and option of this version, so that pressing Tab starts nothing. */
export function completionCommand(program: string, commands: readonly Command[]): Command {
  const ofShells = Object.entries(SHELLS).map(([name, [script, example]]) => {
    return defineCommand({
      name,
      summary: `print a script for ${name}`,
      example,
      positionals: [],
      options: {},
      run: async (_input, { io }) => {
        io.out(
          script(program, [
            { words: program, commands: [...commands, self], options: [] },
            ...placesOf(program, [...commands, self]),
          ]),
        )
        return 0
      },
    })
  })
  const self = defineGroup('completion', 'print a script that completes commands in your shell', ofShells)
  return self
}

function placesOf(words: string, commands: readonly Command[]): Place[] {
  return commands.flatMap((command) => {
    const here = `${words} ${command.name}`
    return [{ words: here, ...command }, ...placesOf(here, command.commands)]
  })
}

function bashScript(program: string, places: readonly Place[]): string {
  const cases = places.map(({ words, commands, options }) => {
    const next = [...commands.map(({ name }) => name), ...options.map(({ name }) => `--${name}`)]
    return `    '${words}') next='${next.join(' ')}' ;;`
  })
  return `# bash completion of ${program}
_${program}() {
  local at='${program}' word next=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${knownPlaces(places, '|')}) at="$at $word" ;;
    esac
  done
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${valueOptions(places).join('|')}) COMPREPLY=(); return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${program} ${program}`
}

function zshScript(program: string, places: readonly Place[]): string {
  const cases = places.map(({ words, commands, options }) => {
    const next = [
      ...commands.map(({ name, summary }) => quoted(`${name}:${oneLine(summary)}`)),
      ...options.map(({ name, about }) => quoted(`--${name}:${oneLine(about)}`)),
    ]
    return `    '${words}') next=(${next.join(' ')}) ;;`
  })
  return `#compdef ${program}
_${program}() {
  local at='${program}' word
  local -a next
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      ${knownPlaces(places, '|')}) at="$at $word" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${valueOptions(places).join('|')}) _files; return ;;
  esac
  case "$at" in
${cases.join('\n')}
  esac
  _describe '${program}' next
}
compdef _${program} ${program}`
}

function fishScript(program: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ words, commands, options }) => {
    const condition = `-n "test (__${program}_at) = '${words}'"`
    return [
      ...commands.map(
        ({ name, summary }) => `complete -c ${program} -f ${condition} -a ${name} -d ${quoted(oneLine(summary))}`,
      ),
      ...options.map(({ name, about, takesValue }) => {
        return `complete -c ${program} ${condition} -l ${name}${takesValue ? ' -r' : ''} -d ${quoted(oneLine(about))}`
      }),
    ]
  })
  return `# fish completion of ${program}
function __${program}_at
  set -l at '${program}'
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${knownPlaces(places, ' ')}
        set at "$at $word"
    end
  end
  echo $at
end
${lines.join('\n')}`
}

/** All but the first, which is the program alone. */
function knownPlaces(places: readonly Place[], separator: string): string {
  return places
    .slice(1)
    .map(({ words }) => `'${words}'`)
    .join(separator)
}

function valueOptions(places: readonly Place[]): string[] {
  const names = places.flatMap(({ options }) => options.flatMap(({ name, takesValue }) => (takesValue ? [name] : [])))
  return [...new Set(names)].sort().map((name) => `--${name}`)
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

/** For all three shells; fish takes a backslash inside single quotes, so there is none. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '’')}'`
}
