/**
 * Reporter for node:test that writes one line: `N passed, N failed, N skipped`. Cancelled tests count as failed. A
 * file in which no test ran is to node:test one passed test of the file's name; here it counts as nothing.
 */
export default async function* lastLine(source) {
  let counts
  let empty = 0
  for await (const { type, data } of source) {
    if (type === 'test:pass' && data.nesting === 0 && data.file?.endsWith(data.name) && data.line === 1) empty += 1
    if (type === 'test:summary' && data.file === undefined) counts = data.counts
  }
  if (!counts) return
  const { tests, passed, skipped, todo } = counts
  yield `${passed - empty} passed, ${tests - passed - skipped - todo} failed, ${skipped + todo} skipped\n`
}
