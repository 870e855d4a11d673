import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { removeAtExit, run, toolFolder } from '../../support/tools.ts'
import { openWorld } from './world.ts'

// Schemathesis asks the running server whatever its OpenAPI document allows, and what it forbids: no answer may be a 5xx, have a
// status or a type that is not documented, or not fit its schema.

const program = join(toolFolder('schemathesis'), 'bin', 'st')
const skip = existsSync(program) ? false : 'not installed: schemathesis (see .ci/tools.sh)'
/** Of each operation, beside the examples and the edge cases of each of its parameters. */
const examples = Number(process.env['OPENAPI_EXAMPLES'] ?? 10)
const minutes = Number(process.env['OPENAPI_MINUTES'] ?? 10)
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
]

test('every answer is a documented one', { skip, timeout: minutes * 60_000 }, async (t) => {
  await using world = await openWorld()
  const { server, seeds } = world
  const args = ['run', `${server.url}/api/openapi.json`, '--auth', `${server.admin.email}:${server.admin.password}`]
  args.push('--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing', '--max-examples', String(examples))
  args.push('--seed', process.env['OPENAPI_SEED'] ?? '1', '--continue-on-failure', '--no-shrink', '--workers', '2')
  args.push('--max-redirects', '0', '--request-timeout', '30', '--suppress-health-check', 'all', '--no-color')
  const hooks = fileURLToPath(new URL('hooks.py', import.meta.url))
  const env = { SCHEMATHESIS_HOOKS: hooks, ENTREPOT_SEEDS: JSON.stringify(seeds), ENTREPOT_CONTRACT: '1' }
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-openapi-')) // it leaves what it found where it runs
  removeAtExit(folder)
  const { code, stdout, stderr } = await run(program, args, {
    cwd: folder,
    timeout: minutes * 60_000,
    env,
  })
  t.diagnostic(stdout.trimEnd().split('\n').slice(-14).join('\n'))
  assert.equal(code, 0, `${stdout}\n${stderr}\n${server.logs().slice(-4_000)}`)
})
