import { actorOf } from '../doors/caller.ts'
import type { TokenPatch } from '../registries/change-token.ts'
import type { TokenInput } from '../registries/create-token.ts'
import type { TokenView } from '../registries/views.ts'
import type { RouteContext } from './context.ts'
import { CONFLICT, ERROR_ANSWERS, lowerCaseIds, NO_CONTENT, NOT_FOUND } from './context.ts'
import {
  PatchTokenInput,
  PostTokenInput,
  RegistryParams,
  TokenParams,
  TokenResponse,
  TokensQuery,
  TokensResponse,
} from './contract.ts'
import type { Base } from './links.ts'
import { withQuery } from './links.ts'
import { parseLimit, parseOffset } from './query.ts'
import { registryHref, tokenHref, tokenResource } from './resources.ts'

/** Operations 9 to 14 of management-api.md 2. */
export function tokenRoutes(context: RouteContext): void {
  allTokens(context)
  oneToken(context)
  changeToken(context)
}

function allTokens({ app, registries, baseOf, hidden }: RouteContext): void {
  const about = { tags: ['Tokens'], hide: hidden }

  app.get(
    '/registries/:registryId/tokens',
    {
      schema: {
        ...about,
        summary: 'List the tokens of a registry',
        params: RegistryParams,
        querystring: TokensQuery,
        response: { 200: TokensResponse, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const page = { limit: parseLimit(request.query.limit), offset: parseOffset(request.query.offset) }
      const { registryId } = lowerCaseIds(request.params)
      const { tokens, total } = await registries.listTokens(actorOf(request), registryId, page)
      return toList(baseOf(request), registryId, { ...page, tokens, total })
    },
  )

  app.post(
    '/registries/:registryId/tokens',
    {
      schema: {
        ...about,
        summary: 'Create a token; its password is in this answer only',
        params: RegistryParams,
        body: PostTokenInput,
        response: { 201: TokenResponse, ...ERROR_ANSWERS, ...NOT_FOUND, ...CONFLICT },
      },
      config: { access: 'manage' },
    },
    async (request, reply) => {
      const { registryId } = lowerCaseIds(request.params)
      const { token, password } = await registries.createToken(actorOf(request), registryId, toInput(request.body))
      const base = baseOf(request)
      reply.code(201).header('location', tokenHref(base, registryId, token.id))
      return tokenResource(base, registryId, token, password)
    },
  )
}

function oneToken({ app, registries, baseOf, hidden }: RouteContext): void {
  const about = { tags: ['Tokens'], hide: hidden }

  app.get(
    '/registries/:registryId/tokens/:tokenId',
    {
      schema: {
        ...about,
        summary: 'Get a token',
        params: TokenParams,
        response: { 200: TokenResponse, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'read' },
    },
    async (request) => {
      const { registryId, tokenId } = lowerCaseIds(request.params)
      const token = await registries.getToken(actorOf(request), registryId, tokenId)
      return tokenResource(baseOf(request), registryId, token)
    },
  )

  app.delete(
    '/registries/:registryId/tokens/:tokenId',
    {
      schema: {
        ...about,
        summary: 'Delete a token',
        params: TokenParams,
        response: { 204: NO_CONTENT, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'manage' },
    },
    async (request, reply) => {
      const { registryId, tokenId } = lowerCaseIds(request.params)
      await registries.deleteToken(actorOf(request), registryId, tokenId)
      return reply.code(204).send(undefined)
    },
  )
}

function changeToken({ app, registries, baseOf, hidden }: RouteContext): void {
  const about = { tags: ['Tokens'], hide: hidden }

  app.put(
    '/registries/:registryId/tokens/:tokenId',
    {
      schema: {
        ...about,
        summary: 'Replace a token, or create one with an id of your choice; only then the answer has its password',
        params: TokenParams,
        body: PostTokenInput,
        response: { 201: TokenResponse, ...ERROR_ANSWERS, ...NOT_FOUND, ...CONFLICT },
      },
      config: { access: 'manage' },
    },
    async (request, reply) => {
      const { registryId, tokenId } = lowerCaseIds(request.params)
      const put = await registries.putToken(actorOf(request), registryId, tokenId, toInput(request.body))
      const base = baseOf(request)
      reply.code(201).header('location', tokenHref(base, registryId, put.token.id))
      return tokenResource(base, registryId, put.token, put.password ?? '')
    },
  )

  app.patch(
    '/registries/:registryId/tokens/:tokenId',
    {
      schema: {
        ...about,
        summary: 'Change a token: exactly the fields given',
        params: TokenParams,
        body: PatchTokenInput,
        response: { 200: TokenResponse, ...ERROR_ANSWERS, ...NOT_FOUND },
      },
      config: { access: 'manage' },
    },
    async (request) => {
      const { registryId, tokenId } = lowerCaseIds(request.params)
      const token = await registries.patchToken(actorOf(request), registryId, tokenId, toPatch(request.body))
      return tokenResource(baseOf(request), registryId, token)
    },
  )
}

/** What clients send for "not given" (management-api.md 2.6, 9) becomes what it means. */
function toInput({ properties: { name, scopes, expiryDate, status } }: PostTokenInput): TokenInput {
  return { name, scopes: scopes ?? [], expiryDate: expiryDate ?? null, status: status ?? null }
}

function toPatch({ name, scopes, expiryDate, status }: PatchTokenInput): TokenPatch {
  return { name, scopes: scopes ?? undefined, expiryDate, status: status || undefined }
}

function toList(
  base: Base,
  registryId: string,
  of: {
    readonly limit: number
    readonly offset: number
    readonly tokens: readonly TokenView[]
    readonly total: number
  },
): TokensResponse {
  const { limit, offset, total } = of
  const href = `${registryHref(base, registryId)}/tokens`
  const link = (from: number) => withQuery(href, { offset: from, limit })
  return {
    id: 'tokens',
    type: 'collection',
    href,
    items: of.tokens.map((token) => tokenResource(base, registryId, token)),
    count: of.tokens.length,
    limit,
    offset,
    total,
    _links: {
      next: offset + limit < total ? link(offset + limit) : '',
      previous: offset > 0 ? link(Math.max(0, offset - limit)) : '',
      self: link(offset),
    },
  }
}
