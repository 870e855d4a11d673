/** How often a property is tried: few times in every test run, `FUZZ_RUNS` times in the long one. */
export function runs(usual: number): { numRuns: number; endOnFailure: boolean } {
  const asked = Number(process.env['FUZZ_RUNS'] ?? usual)
  if (!Number.isInteger(asked) || asked < 1) throw new TypeError('FUZZ_RUNS is a whole number from 1')
  return { numRuns: asked, endOnFailure: true }
}
