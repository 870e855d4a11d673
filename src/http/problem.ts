import { STATUS_CODES } from 'node:http'

/**
 * A refusal by the server itself, before any plane could say it in its own form. RFC 9457, plus an `errors` list, which
 * is where clients of the registry look for a text.
 */
export function problem(status: number, detail: string, more: Readonly<Record<string, unknown>> = {}): string {
  const title = STATUS_CODES[status] ?? 'Error'
  const code = title.toUpperCase().replaceAll(/[^A-Z]+/g, '_')
  return JSON.stringify({ title, status, detail, ...more, errors: [{ code, message: detail }] })
}

export const PROBLEM_TYPE = 'application/problem+json'
