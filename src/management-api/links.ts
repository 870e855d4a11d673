import type { FastifyRequest } from 'fastify'
import type { ClientOf } from '../http/client.ts'
import type { Naming } from '../registries/hostname.ts'

/** Where the caller found us: what absolute links begin with. */
export interface Base {
  /** `https://registry.example.com/containerregistries`, or without a usable Host the path alone. */
  readonly url: string
  /** Host and port the caller used, or the public one. */
  readonly host: string
}

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/

export function baseOf(naming: Naming, clientOf: ClientOf, request: FastifyRequest, mount: string): Base {
  if (naming.publicUrl !== null) return { url: naming.publicUrl + mount, host: new URL(naming.publicUrl).host }
  const { scheme, host = '' } = clientOf(request.raw)
  return HOST.test(host) ? { url: `${scheme}://${host}${mount}`, host } : { url: mount, host: 'localhost' }
}

/** `path` with the parameters that have a value. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return path
  return `${path}?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`
}
