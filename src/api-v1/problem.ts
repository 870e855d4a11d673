import type {} from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { PROBLEM_TYPE } from '../http/problem.ts'

export const Problem = Type.Object(
  {
    type: Type.String({
      description: 'Which refusal this is; stable.',
      examples: ['urn:entrepot:problem:not-found'],
    }),
    title: Type.String({ description: 'The same in words.', examples: ['Not found'] }),
    status: Type.Integer({ description: 'The HTTP status.', examples: [404] }),
    detail: Type.String({
      description: 'What is wrong, about what, and what to do.',
      examples: ['no such audit event'],
    }),
    id: Type.Optional(Type.String({ description: "With status 500: where to look in the server's log." })),
  },
  { $id: 'Problem', description: 'Why a request was refused (RFC 9457).' },
)
export type Problem = Static<typeof Problem>

const MEANING: Readonly<Record<number, string>> = {
  400: 'A parameter, a header or the body is not valid; `detail` names it.',
  401: 'No credentials, or they are wrong, expired or revoked.',
  403: 'Whoever asks may not do this; `detail` says who may.',
  404: 'There is no such thing, or it belongs to somebody else: both read the same.',
  409: 'It contradicts what is there; `detail` says what.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  429: 'Too many attempts: wait as long as `Retry-After` says.',
  500: 'An error of the server; `id` finds it in its log.',
  503: 'The server cannot answer just now: try again after `Retry-After` seconds.',
}

/** Writes into the route's schema what every operation of its kind may be answered; it declares what is its own. */
export function declareProblems(route: RouteOptions): void {
  if (!route.schema || route.schema.hide === true) return
  const own = (route.schema.response ?? {}) as Record<string, unknown>
  const problems = problemsOf(route).filter((status) => !(status in own))
  route.schema.response = { ...own, ...Object.fromEntries(problems.map((status) => [status, answer(status)])) }
}

/** For a refusal that only some operations know: `response: { 201: …, ...problems(409) }`. */
export function problems(...statuses: readonly number[]): Readonly<Record<number, ReturnType<typeof answer>>> {
  return Object.fromEntries(statuses.map((status) => [status, answer(status)]))
}

function problemsOf({ config, schema, url }: RouteOptions): number[] {
  const isPublic = config?.access === 'public'
  return [
    400,
    ...(isPublic ? [] : [401, 403]),
    ...(url.includes(':') ? [404] : []),
    ...(schema?.body === undefined ? [] : [413, 415]),
    429,
    500,
    503,
  ]
}

function answer(status: number) {
  const schema = Type.Unsafe<Problem>(Type.Ref('Problem#'))
  return { description: MEANING[status] ?? 'Refused.', content: { [PROBLEM_TYPE]: { schema } } }
}
