import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import { Type } from 'typebox'
import type { Contents } from '../contents/contents.ts'
import type { Cursors } from '../doors/cursors.ts'
import type { Naming } from '../registries/hostname.ts'
import type { Registries } from '../registries/registries.ts'
import type { Scans } from '../scans/scans.ts'
import { ApiErrorResponse } from './contract.ts'
import type { Base } from './links.ts'
import type { NameCheckLimit } from './name-checks.ts'

type TypedApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What a file of routes is given. */
export interface RouteContext {
  readonly app: TypedApp
  readonly registries: Registries
  readonly contents: Contents
  readonly scans: Pick<Scans, 'vulnerabilitiesOf' | 'vulnerability'>
  readonly naming: Naming
  readonly cursors: Cursors
  readonly baseOf: (request: FastifyRequest) => Base
  readonly limitNameChecks: NameCheckLimit
  /** The second mount is not written into the OpenAPI document again. */
  readonly hidden: boolean
}

export const NO_CONTENT = Type.Unsafe<undefined>({ type: 'null', description: 'No body.' })
/** What every operation may answer: the usual by its number, the rest (405, 408, 413, 415 …) by its class. */
export const ERROR_ANSWERS = {
  400: ApiErrorResponse,
  401: ApiErrorResponse,
  403: ApiErrorResponse,
  429: ApiErrorResponse,
  500: ApiErrorResponse,
  503: ApiErrorResponse,
  '4xx': ApiErrorResponse,
  '5xx': ApiErrorResponse,
}
/** Of HEAD. */
export const ERRORS_WITHOUT_BODY = Object.fromEntries(Object.keys(ERROR_ANSWERS).map((status) => [status, NO_CONTENT]))
export const NOT_FOUND = { 404: ApiErrorResponse }
export const CONFLICT = { 409: ApiErrorResponse }

/** Stored ids are lower case; a UUID is the same in any case. */
export function lowerCaseIds<T extends Readonly<Record<string, string>>>(params: T): T {
  return Object.fromEntries(Object.entries(params).map(([name, id]) => [name, id.toLowerCase()])) as T
}
