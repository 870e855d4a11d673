/** Reporter for node:test that writes one line: `N passed, N failed, N skipped`. Cancelled tests count as failed. */
export default async function* lastLine(source) {
  let counts
  for await (const event of source) {
    if (event.type === 'test:summary' && event.data.file === undefined) counts = event.data.counts
  }
  if (!counts) return
  const { tests, passed, skipped, todo } = counts
  yield `${passed} passed, ${tests - passed - skipped - todo} failed, ${skipped + todo} skipped\n`
}
