import type { Command } from './command.ts'
import { defineCommand } from './define.ts'
import { JSON_OPTION, printJson, WHERE, withLocal } from './local.ts'

export const checkCommand: Command = defineCommand({
  name: 'check',
  summary: 'verify that everything stored is whole',
  about: 'Exit code 0: all is whole; 1: there are problems. The server may run meanwhile.',
  example: 'entrepot check --fast',
  positionals: [],
  options: {
    fast: { type: 'boolean', about: 'do not read and hash every blob; only look that its objects are there' },
    repair: {
      type: 'boolean',
      about: 'remove objects without a row that are older than a day; nothing else is ever changed',
    },
    ...WHERE,
    ...JSON_OPTION,
  },
  run: ({ options }, context) =>
    withLocal(options, context, async ({ app }) => {
      const report = await app.check({ repair: options.repair, fast: options.fast })
      const code = report.problems.length === 0 ? 0 : 1
      if (options.json) {
        printJson(context, report)
        return code
      }
      for (const problem of report.problems) context.io.out(`problem: ${problem}`)
      for (const repair of report.repaired) context.io.out(`repaired: ${repair}`)
      const counts = Object.entries(report.checked).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
      context.io.out(
        `checked ${counts.join(', ') || 'an empty installation'}: ${code === 0 ? 'all is whole' : `${report.problems.length} problems`}`,
      )
      return code
    }),
})
