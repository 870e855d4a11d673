import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, tool } from '../../support/tools.ts'
import type { Report } from './report.ts'
import { readReport } from './report.ts'
import type { Target } from './target.ts'

export type Profile = { version: 'dev' | '1.1'; sparse: boolean }

/** A run takes seconds; one that takes longer hangs. */
const timeout = 300_000

/** Runs the suite's program against a server. Throws when it leaves no report, which it does with exit code 0 too. */
export async function runSuite(target: Target, profile: Profile, label: string): Promise<Report> {
  const folder = await resultsFolder(label)
  const { stdout, stderr, timedOut } = await run(tool('conformance') ?? 'conformance', [], {
    timeout,
    env: environment(target, profile, folder.path),
    cwd: folder.path,
  })
  try {
    if (timedOut) throw new Error(`the suite did not end in ${timeout / 1000} s`)
    return readReport(
      await readFile(join(folder.path, 'junit.xml'), 'utf8'),
      await readFile(join(folder.path, 'results.yaml'), 'utf8'),
    )
  } catch (error) {
    throw new Error(`no report of the suite:\n${stderr}\n${stdout.slice(-4000)}`, { cause: error })
  } finally {
    if (!folder.keep) await rm(folder.path, { recursive: true, force: true })
  }
}

/** `CONFORMANCE_RESULTS=<folder>` keeps the reports (report.html shows each request and answer). */
async function resultsFolder(label: string): Promise<{ path: string; keep: boolean }> {
  const kept = process.env['CONFORMANCE_RESULTS']
  if (kept === undefined) return { path: await mkdtemp(join(tmpdir(), 'entrepot-conformance-')), keep: false }
  const path = join(kept, label.replaceAll(/[^\w.]+/g, '-'))
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return { path, keep: true }
}

/** Everything that is not named here is the profile's default; a variable of the caller must not change it. */
function environment(target: Target, profile: Profile, folder: string): Record<string, string | undefined> {
  const inherited = Object.keys(process.env).filter((name) => name.startsWith('OCI_'))
  return {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    OCI_CONFIGURATION: '',
    OCI_RESULTS_DIR: folder,
    OCI_VERSION: profile.version,
    OCI_LOG: 'error',
    OCI_REGISTRY: target.host,
    // `insecure` is not implemented in this version of the suite; Go takes our authority from SSL_CERT_FILE.
    OCI_TLS: target.tls ? 'enabled' : 'disabled',
    SSL_CERT_FILE: target.caFile,
    OCI_REPO1: target.repositories[0],
    OCI_REPO2: target.repositories[1],
    OCI_USERNAME: target.username,
    OCI_PASSWORD: target.password,
    OCI_DATA_SPARSE: String(profile.sparse),
  }
}
