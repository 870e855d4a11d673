import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { must, tool } from './tools.ts'

export type Certificates = {
  caFile: string
  certFile: string
  keyFile: string
  /** Writes a new key and certificate of the same authority over the old files, as a renewal does. */
  renew: () => Promise<void>
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/**
 * Makes a certificate authority and a server certificate in `folder` with openssl, for localhost, 127.0.0.1, ::1,
 * the domain itself and its sub-domains one and two levels down (`acme.registry.test`, `acme.cr.registry.test`).
 */
export async function createCertificates(folder: string, domain = 'registry.test'): Promise<Certificates> {
  await mkdir(folder, { recursive: true })
  const openssl = tool('openssl') ?? 'openssl'
  const path = (name: string): string => join(folder, name)
  await must(openssl, [
    ...['req', '-x509', ...key, '-keyout', path('ca.key'), '-out', path('ca.crt'), '-days', '30'],
    ...['-subj', '/CN=Entrepot test authority', '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ])
  await writeFile(path('server.ext'), extensions(domain))
  const renew = async (): Promise<void> => {
    const request = ['req', ...key, '-keyout', path('server.key'), '-out', path('server.csr'), '-subj', `/CN=${domain}`]
    await must(openssl, request)
    await must(openssl, [
      ...['x509', '-req', '-in', path('server.csr'), '-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-days', '30'],
      ...['-CAcreateserial', '-extfile', path('server.ext'), '-out', path('server.crt')],
    ])
  }
  await renew()
  return { caFile: path('ca.crt'), certFile: path('server.crt'), keyFile: path('server.key'), renew }
}

function extensions(domain: string): string {
  const names = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1', `DNS:${domain}`, `DNS:*.${domain}`, `DNS:*.cr.${domain}`]
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth',
    `subjectAltName=${names.join(',')}`,
    '',
  ].join('\n')
}
