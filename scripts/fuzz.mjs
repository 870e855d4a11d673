// node scripts/fuzz.mjs [--runs N] [--seed N] [--keep] [NAME...]: see test/fuzz/main.ts
import { ensureInstalled, nodeBinary, ROOT, run } from './ensure.mjs'

await ensureInstalled()
process.exitCode = await run(nodeBinary(), ['test/fuzz/main.ts', ...process.argv.slice(2)], { cwd: ROOT })
