import { Type } from 'typebox'
import type { ApiKey } from '../accounts/api-keys.ts'
import { body, email } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { givenInstant, instant, NO_CONTENT, nullable, parseInstant, toInstant, toInstantOrNull, uuid } from './wire.ts'

const name = Type.String({ maxLength: 1_000, description: 'Yours alone, 1 to 100 characters.', examples: ['laptop'] })
const readOnly = Type.Boolean({ description: 'It changes nothing, whatever its owner may change.' })
const registries = nullable(Type.Array(uuid('A registry of the contract.'), { maxItems: 100 }), {
  description: 'The only registries it opens; null: all of the contract, later ones too.',
})
const actions = nullable(Type.Array(Type.Enum(['pull', 'push', 'delete']), { maxItems: 3, uniqueItems: true }), {
  description:
    'What it may do with what registries hold; null: what its owner may. A key that is limited like this manages nothing.',
})

const ApiKeyAnswer = Type.Object({
  id: uuid('The key.'),
  name,
  owner: Type.Object({ userId: uuid('The person.'), email: email('Whose key it is.') }),
  readOnly,
  registries,
  actions,
  createdAt: instant('When it was made.'),
  expiresAt: nullable(instant('When it ends; null: never.')),
  lastUsed: nullable(
    Type.Object({
      at: instant('When, to a few seconds.'),
      from: nullable(Type.String({ examples: ['203.0.113.7'] }), { description: 'The address it came from.' }),
    }),
    { description: 'Null: never.' },
  ),
})

const KeyParams = Type.Object({ apiKeyId: uuid('The key.') })
const about = { tags: ['Me'] }

export function apiKeyRoutes(context: ApiContext): void {
  readKeys(context)
  changeKeys(context)
}

function readKeys(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/api-keys',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'List API keys',
        description: 'Your own in this contract; of owners and admins: all of the contract. Revoked ones are gone.',
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(ApiKeyAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const page = { limit: limit + 1, after: Number(after?.[0] ?? 0) }
      const rows = await accounts.listApiKeys(page, askerOf(request, context))
      return toPage(rows, limit, ({ position }) => [position], toAnswer)
    },
  )

  app.get(
    '/api-keys/:apiKeyId',
    {
      config: { access: 'self' },
      schema: { ...about, summary: 'One API key', params: KeyParams, response: { 200: ApiKeyAnswer } },
    },
    async (request) => toAnswer(await accounts.getApiKey(request.params.apiKeyId, askerOf(request, context))),
  )
}

function changeKeys(context: ApiContext): void {
  const { app, accounts } = context
  app.post(
    '/api-keys',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Make an API key for yourself',
        description:
          'It may what you may in this contract, less what you leave out here. As `Authorization: Bearer` it opens the ' +
          'management APIs; as the password of `docker login`, with your e-mail or its name as user name, your registries.',
        body: body({
          name,
          expiresAt: Type.Optional(nullable(givenInstant('When it ends; null or absent: never.'))),
          readOnly: Type.Optional(readOnly),
          registries: Type.Optional(registries),
          actions: Type.Optional(actions),
        }),
        response: {
          201: Type.Object({
            ...ApiKeyAnswer.properties,
            secret: Type.String({ description: 'In this answer only.', examples: ['entk_7TqZ0bXw2K_…'] }),
          }),
          ...problems(404, 409),
        },
      },
    },
    async (request, reply) => {
      const { expiresAt, readOnly: reads = false, registries: ids = null, actions: words = null } = request.body
      const input = {
        name: request.body.name,
        expiresAt: typeof expiresAt === 'string' ? parseInstant('expiresAt', expiresAt) : null,
        readOnly: reads,
        registries: ids === null ? null : ids.map((id) => id.toLowerCase()),
        actions: words,
      }
      const { key, secret } = await accounts.createApiKey(input, askerOf(request, context))
      reply.code(201).header('location', `/api/v1/api-keys/${key.id}`)
      return { ...toAnswer(key), secret }
    },
  )

  app.delete(
    '/api-keys/:apiKeyId',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Revoke an API key',
        description: 'Your own; owners and admins: any of the contract. It stops within a second.',
        params: KeyParams,
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await accounts.revokeApiKey(request.params.apiKeyId, askerOf(request, context))
      return reply.code(204).send(undefined)
    },
  )
}

function toAnswer(key: ApiKey) {
  const { lastUsedAt, lastUsedFrom } = key
  return {
    id: key.id,
    name: key.name,
    owner: { userId: key.userId, email: key.email },
    readOnly: key.readOnly,
    registries: key.registries === null ? null : [...key.registries],
    actions: key.actions === null ? null : [...key.actions],
    createdAt: toInstant(key.createdAt),
    expiresAt: toInstantOrNull(key.expiresAt),
    lastUsed: lastUsedAt === null ? null : { at: toInstant(lastUsedAt), from: lastUsedFrom },
  }
}
