import { Type } from 'typebox'
import { actorOf } from '../doors/caller.ts'
import type { LastUse, SecretView, TokenDetails } from '../registries/token-details.ts'
import { MAX_LIVE_SECRETS } from '../registries/token-secrets.ts'
import type { ApiContext } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { givenInstant, instant, NO_CONTENT, nullable, toInstant, toInstantOrNull, uuid } from './wire.ts'

const use = (description: string) =>
  nullable(
    Type.Object({
      at: instant('When, to a few seconds.'),
      from: Type.String({ description: 'The address it came from.', examples: ['203.0.113.7'] }),
    }),
    { description },
  )

const secretId = (description: string) =>
  Type.String({ pattern: '^[0-9A-Za-z]{10}$', description, examples: ['7TqZ0bXw2K'] })

const Secret = Type.Object({
  id: secretId('Which password: the word between its underscores. In upper and lower case, as it is.'),
  createdAt: instant('When it was made.'),
  expiresAt: nullable(instant('When it ends by itself: with the token, or by the limit of the contract.')),
  lastUsed: use('Null: never.'),
})

const Scope = Type.Object({
  type: Type.String({ examples: ['repository'] }),
  name: Type.String({ description: '* stands for any characters.', examples: ['team/*'] }),
  actions: Type.Array(Type.String(), { examples: [['pull', 'push']] }),
})

const Token = Type.Object({
  id: uuid('The token.'),
  name: Type.String({ description: 'Also its login name.', examples: ['ci'] }),
  status: Type.Enum(['enabled', 'disabled']),
  scopes: Type.Array(Scope),
  expiresAt: nullable(instant('Its own expiry.')),
  effectiveExpiresAt: nullable(
    instant('When it ends in truth: by its own expiry, or earlier, by the limit of the contract on lifetimes.'),
  ),
  lastUsed: use('With any of its passwords, revoked ones included; null: never.'),
  secrets: Type.Array(Secret, { maxItems: MAX_LIVE_SECRETS, description: 'The live ones, the oldest first.' }),
  createdAt: instant('When it was made.'),
  createdBy: Type.String({ examples: ['ann@example.com'] }),
})

const Rotated = Type.Object({
  token: Token,
  secretId: secretId("Which of the token's secrets is the new one."),
  password: Type.String({ description: 'In this answer only.', examples: ['ent_7TqZ0bXw2K_…'] }),
})

const RegistryParams = Type.Object({ registryId: uuid('The registry.') })
const TokenParams = Type.Object({ registryId: uuid('The registry.'), tokenId: uuid('The token.') })
const SecretParams = Type.Object({
  ...TokenParams.properties,
  secretId: Type.String({ maxLength: 100, description: 'One of `secrets[].id`.', examples: ['7TqZ0bXw2K'] }),
})

const about = { tags: ['Tokens'] }

/** What the product's API does not tell of registry tokens, and the change of their passwords. */
export function tokenRoutes(context: ApiContext): void {
  readTokens(context)
  changeSecrets(context)
}

function readTokens({ app, registries }: ApiContext): void {
  app.get(
    '/registries/:registryId/tokens',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'List the tokens of a registry, with their passwords and last uses',
        description: 'In order of creation. Tokens are made, changed and deleted with /registries/{registryId}/tokens.',
        params: RegistryParams,
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(Token) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const page = { limit: limit + 1, after: Number(after?.[0] ?? 0) }
      const rows = await registries.listTokenDetails(actorOf(request), request.params.registryId, page)
      return toPage(rows, limit, ({ internalId }) => [internalId], toToken)
    },
  )

  app.get(
    '/registries/:registryId/tokens/:tokenId',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'A token, with its passwords and last uses',
        description: 'The passwords themselves are stored nowhere; `secrets` tells them apart.',
        params: TokenParams,
        response: { 200: Token },
      },
    },
    async (request) => {
      const { registryId, tokenId } = request.params
      return toToken(await registries.getTokenDetails(actorOf(request), registryId, tokenId))
    },
  )
}

function changeSecrets({ app, registries }: ApiContext): void {
  app.post(
    '/registries/:registryId/tokens/:tokenId/secrets',
    {
      config: { access: 'manage' },
      schema: {
        ...about,
        summary: 'Rotate: make a second password for a token',
        description:
          'The first goes on working until it is revoked, so nothing stops while the new one is carried to where it is ' +
          `needed. A token has at most ${MAX_LIVE_SECRETS}: with two there already the answer is 409 and names both.`,
        params: TokenParams,
        body: nullable(
          Type.Object({
            expiryDate: Type.Optional(nullable(givenInstant("The token's new expiry; null: none; absent: as it is."))),
          }),
          { description: 'May be left out.' },
        ),
        response: { 201: Rotated, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { registryId, tokenId } = request.params
      const { expiryDate } = request.body ?? {}
      const rotated = await registries.rotateToken(actorOf(request), registryId, tokenId, { expiryDate })
      reply.code(201)
      return { token: toToken(rotated.token), secretId: rotated.secretId, password: rotated.password }
    },
  )

  app.delete(
    '/registries/:registryId/tokens/:tokenId/secrets/:secretId',
    {
      config: { access: 'manage' },
      schema: {
        ...about,
        summary: 'Revoke one password of a token',
        description: 'Within a second it works no more, nor does what was got with it. The other one goes on working.',
        params: SecretParams,
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      const { registryId, tokenId, secretId: secret } = request.params
      await registries.revokeTokenSecret(actorOf(request), registryId, tokenId, secret)
      return reply.code(204).send(undefined)
    },
  )
}

function toToken(token: TokenDetails) {
  const { id, name, status, scopes, created } = token
  return {
    id,
    name,
    status,
    scopes: scopes.map((scope) => ({ type: scope.type, name: scope.name, actions: [...scope.actions] })),
    expiresAt: toInstantOrNull(token.expiresAt),
    effectiveExpiresAt: toInstantOrNull(token.effectiveExpiresAt),
    lastUsed: toUse(token.lastUsed),
    secrets: token.secrets.map(toSecret),
    createdAt: toInstant(created.at),
    createdBy: created.by,
  }
}

function toSecret({ id, createdAt, expiresAt, lastUsed }: SecretView) {
  return { id, createdAt: toInstant(createdAt), expiresAt: toInstantOrNull(expiresAt), lastUsed: toUse(lastUsed) }
}

function toUse(last: LastUse | null) {
  return last === null ? null : { at: toInstant(last.at), from: last.from }
}
