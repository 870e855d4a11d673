import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Client } from '../http/client.ts'

export const SIGN_ON_CALLBACK = '/api/v1/sso/callback'

/**
 * What a browser keeps during a sign-on. Lax, since it comes back from the provider's site; only for the callback's path;
 * no script reads it.
 */
export function setSignOnCookie(
  reply: FastifyReply,
  client: Client,
  { name, value, maxAgeSeconds }: { readonly name: string; readonly value: string; readonly maxAgeSeconds: number },
): void {
  const secure = client.scheme === 'https' ? '; Secure' : ''
  const attributes = `Path=${SIGN_ON_CALLBACK}; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`
  reply.header('set-cookie', `${name}=${value}; ${attributes}`)
}

export function signOnCookie({ headers }: FastifyRequest, name: string): string | null {
  const prefix = `${name}=`
  const pair = (headers.cookie ?? '').split(/; */).find((one) => one.startsWith(prefix))
  return pair?.slice(prefix.length) ?? null
}
