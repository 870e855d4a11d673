// npm run check: format and lint, lint with types, types; all three speak even when the first one fails.
// npm run build: the same sources as JavaScript in dist/, for `npm pack` (Node strips no types under node_modules).
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureInstalled, nodeBinary, ROOT, run } from './ensure.mjs'

const CHECKS = [
  ['@biomejs/biome/bin/biome', 'check', '--error-on-warnings'],
  ['oxlint/bin/oxlint', '--type-aware', 'src'],
  ['typescript/bin/tsc'],
]

await ensureInstalled()
if (process.argv.includes('--build')) {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
  process.exitCode = await tool('typescript/bin/tsc', '-p', 'tsconfig.build.json')
} else {
  const failed = []
  for (const [path, ...args] of CHECKS) if ((await tool(path, ...args)) !== 0) failed.push(path.split('/').at(-1))
  process.stdout.write(failed.length > 0 ? `check failed: ${failed.join(', ')}\n` : 'check passed\n')
  process.exitCode = failed.length > 0 ? 1 : 0
}

function tool(path, ...args) {
  return run(nodeBinary(), [join(ROOT, 'node_modules', path), ...args], { cwd: ROOT })
}
