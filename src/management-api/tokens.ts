import type { TokenView } from '../registries/views.ts'
import { actorOf, mustManage } from './caller.ts'
import type { RouteContext } from './context.ts'
import { ERROR_ANSWERS, lowerCaseIds, NO_CONTENT } from './context.ts'
import { PostTokenInput, RegistryParams, TokenParams, TokenResponse, TokensQuery, TokensResponse } from './contract.ts'
import type { Base } from './links.ts'
import { withQuery } from './links.ts'
import { parseLimit, parseOffset } from './query.ts'
import { registryHref, tokenHref, tokenResource } from './resources.ts'

/** Operations 9, 10, 11 and 14 of management-api.md 2. */
export function tokenRoutes(context: RouteContext): void {
  allTokens(context)
  oneToken(context)
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
        response: { 200: TokensResponse, ...ERROR_ANSWERS },
      },
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
        response: { 201: TokenResponse, ...ERROR_ANSWERS },
      },
      preValidation: mustManage,
    },
    async (request, reply) => {
      const { registryId } = lowerCaseIds(request.params)
      const { name, scopes, expiryDate, status } = request.body.properties
      const input = { name, scopes: scopes ?? [], expiryDate: expiryDate ?? null, status: status ?? null }
      const { token, password } = await registries.createToken(actorOf(request), registryId, input)
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
        response: { 200: TokenResponse, ...ERROR_ANSWERS },
      },
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
        response: { 204: NO_CONTENT, ...ERROR_ANSWERS },
      },
      preValidation: mustManage,
    },
    async (request, reply) => {
      const { registryId, tokenId } = lowerCaseIds(request.params)
      await registries.deleteToken(actorOf(request), registryId, tokenId)
      return reply.code(204).send(undefined)
    },
  )
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
