import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificates } from '../../support/tls.ts'
import { createCertificates } from '../../support/tls.ts'
import { freePort, killDaemon, startDaemon, tool, until } from '../../support/tools.ts'
import type { Target, TargetOptions } from './target.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** bcrypt of the password below. */
const HASH = '$2b$04$AzGemGL2Gq7TTIFrCmKeaO8jJgjHek/bKYQ5HMsqLFtSVvQtF.uY6'
const WRITER = { username: 'writer', password: 'correct-horse' }

/** distribution with one user who may do everything. */
export async function startDistribution({ tls }: TargetOptions): Promise<Target> {
  await using opened = new AsyncDisposableStack()
  const folder = await temporaryFolder()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const host = `127.0.0.1:${await freePort()}`
  const certificates = tls ? await createCertificates(join(folder, 'tls')) : undefined
  await writeConfig(folder, host, certificates)
  const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' }
  const daemon = startDaemon(tool('distribution') ?? 'distribution', ['serve', join(folder, 'config.json')], { env })
  opened.defer(() => killDaemon(daemon))
  const listens = () => daemon.logs().includes('listening on')
  await until(listens, () => `distribution listens:\n${daemon.logs()}`, 20_000)
  const started = opened.move()
  return {
    url: `${tls ? 'https' : 'http'}://${host}`,
    host,
    ...(certificates ? { caFile: certificates.caFile, ca: await readFile(certificates.caFile, 'utf8') } : {}),
    registry: 'clients',
    writer: WRITER,
    reader: null,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function writeConfig(folder: string, host: string, certificates?: Certificates) {
  const tls = certificates ? { tls: { certificate: certificates.certFile, key: certificates.keyFile } } : {}
  await writeFile(join(folder, 'htpasswd'), `${WRITER.username}:${HASH}\n`)
  const config = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } },
    http: { addr: host, secret: 'test', ...tls },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
}
