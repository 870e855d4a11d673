import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Log } from './log.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** How often the files are looked at. Polling also sees the symbolic links that orchestrators swap. */
  readonly pollMs: number
}

export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** Of the files, from before they were read: what replaces them meanwhile is another version. */
  readonly version: string
}

/** @throws when a file cannot be read, or the key does not belong to the certificate. */
export async function loadCertificate(files: TlsFiles): Promise<Certificate> {
  const version = await versionOf(files)
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)])
  createSecureContext({ cert, key })
  return { cert, key, version }
}

/**
 * Calls `use` with each certificate after `first`. One that cannot be used is reported and tried again at the next look (the two
 * files are rarely replaced at the same instant); the server goes on with the old one. Returns the function that stops it.
 */
export function watchCertificate(
  files: TlsFiles,
  first: Certificate,
  use: (certificate: Certificate) => void,
  log: Log,
): () => void {
  let seen = first.version
  let reported = ''
  let looking = false
  const look = async () => {
    const version = await versionOf(files)
    if (version === seen) return
    try {
      const certificate = await loadCertificate(files)
      use(certificate)
      seen = certificate.version
      log.info({ certFile: files.certFile }, 'TLS certificate reloaded')
    } catch (error) {
      if (reported !== version) log.error({ err: error }, 'the new TLS certificate cannot be used; the old one stays')
      reported = version
    }
  }
  const lookOnce = () => {
    if (looking) return
    looking = true
    look()
      .catch((error: unknown) => log.warn({ err: error }, 'the TLS files cannot be looked at'))
      .finally(() => {
        looking = false
      })
  }
  lookOnce()
  const timer = setInterval(lookOnce, files.pollMs).unref()
  return () => clearInterval(timer)
}

async function versionOf(files: TlsFiles): Promise<string> {
  const [cert, key] = await Promise.all([stat(files.certFile), stat(files.keyFile)])
  return [cert, key].map((file) => `${file.ino}:${file.size}:${file.mtimeMs}`).join(' ')
}
