import type { CommandContext } from './command.ts'

/** Rows under their headings; the last column is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What a list prints: JSON when asked for, else a table, or a word on what to do when there is nothing. */
export function printList<Row>(
  { io }: CommandContext,
  rows: readonly Row[],
  how: {
    readonly json: boolean
    readonly headings: readonly string[]
    readonly cells: (row: Row) => readonly string[]
    readonly empty: string
  },
): number {
  if (how.json) io.out(JSON.stringify(rows, null, 2))
  else if (rows.length === 0) io.err(how.empty)
  else io.out(table(how.headings, rows.map(how.cells)))
  return 0
}
