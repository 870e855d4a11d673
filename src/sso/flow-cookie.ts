import { timingSafeEqual } from 'node:crypto'
import { openBytes, sealBytes } from '../encryption/tink-aead.ts'

/** A sign-on under way: known to the browser that began it, which cannot read it, and to nobody else. */
export interface Flow {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly providerId: string
  readonly redirectUri: string
  readonly returnTo: string
  /** Milliseconds UTC. */
  readonly expiresAt: number
}

/** To type a password and find a telephone. */
export const FLOW_LIFETIME_MS = 10 * 60_000

const PURPOSE = 'entrepot/sso-flow/v1'
const STATE = /^[\w-]{43}$/
/**
 * Several windows may sign on at once, each under a name of its own; but not many names, since any page can make a browser
 * begin and a browser's cookies are few.
 */
const SLOTS = 8

/** Null for a state that we cannot have made. */
export function cookieNameOf(state: string): string | null {
  if (!STATE.test(state)) return null
  return `entrepot-sso-${(Buffer.from(state, 'base64url')[0] ?? 0) % SLOTS}`
}

export function sealFlow(key: Uint8Array, flow: Flow): { name: string; value: string } {
  const name = cookieNameOf(flow.state)
  if (name === null) throw new TypeError('a state is 32 bytes in base64url')
  return { name, value: sealBytes(key, Buffer.from(JSON.stringify(flow)), PURPOSE).toString('base64url') }
}

/** Null when it is not ours, was changed, belongs to another state or is over. */
export function openFlow(key: Uint8Array, value: string, state: string, now: number): Flow | null {
  const flow = opened(key, value)
  if (flow === null || now >= flow.expiresAt) return null
  const [own, given] = [Buffer.from(flow.state), Buffer.from(state)]
  return own.length === given.length && timingSafeEqual(own, given) ? flow : null
}

function opened(key: Uint8Array, value: string): Flow | null {
  try {
    return JSON.parse(openBytes(key, Buffer.from(value, 'base64url'), PURPOSE).toString('utf8'))
  } catch {
    return null
  }
}
