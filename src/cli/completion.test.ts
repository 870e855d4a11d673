import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, skipWithout } from '../../test/support/tools.ts'
import { COMMANDS } from './cli.ts'
import type { CommandContext } from './command.ts'
import { completionCommand } from './completion.ts'

async function scriptFor(shell: string): Promise<string> {
  const lines: string[] = []
  const context = { io: { out: (text: string) => void lines.push(text) } } as unknown as CommandContext
  assert.equal(await completionCommand('entrepot', COMMANDS).run([shell], context, 'entrepot'), 0)
  return lines.join('\n')
}

const completions = [
  { line: 'entrepot reg', want: ['registry'] },
  { line: 'entrepot registry ', want: ['create', 'list', 'show', 'set', 'delete'] },
  { line: 'entrepot token create acme ci --sc', want: ['--scope'] },
  { line: 'entrepot token create --scope ', want: [] },
  { line: 'entrepot registry list --js', want: ['--json'] },
  { line: 'entrepot scan acme/app --fa', want: ['--fail-on'] },
  { line: 'entrepot completion ', want: ['bash', 'zsh', 'fish'] },
]
for (const { line, want } of completions) {
  test(`bash: ${line}`, { skip: skipWithout('bash') }, async () => {
    const words = line.split(' ').map((word) => `'${word}'`)
    const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _entrepot; echo "\${COMPREPLY[*]}"`
    const { stdout, stderr } = await run('bash', ['--norc', '-c', `${await scriptFor('bash')}\n${ask}`])
    assert.deepEqual([stdout.trim().split(' ').filter(Boolean), stderr], [want, ''])
  })
}

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`${shell}: the script is one`, { skip: skipWithout(shell) }, async () => {
    const { code, stderr } = await run(shell, ['-n', '-c', await scriptFor(shell)])
    assert.deepEqual([code, stderr], [0, ''])
  })

  test(`${shell}: every command is in the script`, async () => {
    const script = await scriptFor(shell)
    for (const { name } of COMMANDS) assert.ok(script.includes(name), name)
  })
}
