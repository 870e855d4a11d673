import type { Static } from 'typebox'
import { Type } from 'typebox'
import { doerOf } from '../accounts/deps.ts'
import { personOf } from '../doors/caller.ts'
import type { Provider } from '../sso/provider-values.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, toInstantOrNull, uuid } from './wire.ts'

const mappedRole = (description: string) => Type.Enum(['admin', 'member'], { description })

const Rule = Type.Object(
  {
    group: Type.String({
      minLength: 1,
      maxLength: 300,
      description: 'As the provider calls it.',
      examples: ['platform'],
    }),
    role: mappedRole('What its people are; owners are made by owners only.'),
    manageRegistry: Type.Boolean({ description: 'Whether members among them may change registries.' }),
  },
  { additionalProperties: false },
)

const name = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'What its button on the login page says; whoever knows the number of the contract can see it.',
  examples: ['Acme'],
})
const clientId = Type.String({
  minLength: 1,
  maxLength: 500,
  description: 'What the provider calls this installation.',
  examples: ['entrepot'],
})
const scopes = Type.Array(Type.String({ maxLength: 100 }), {
  maxItems: 20,
  description: 'What is asked for; `openid` always is. Some providers want `groups` before they tell groups.',
  examples: [['openid', 'profile', 'email', 'groups']],
})
const groupsClaim = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'The claim that lists groups: its name, or a path into it such as `realm_access.roles`.',
  examples: ['groups'],
})
const roleMapping = Type.Array(Rule, {
  maxItems: 200,
  description: 'What the groups of somebody make them, looked at with each login; of several the highest counts.',
})
const defaultRole = nullable(mappedRole('A role.'), {
  description:
    'Of whoever is in no mapped group. Null: they stay out. With a provider that anybody can join it lets anybody in.',
})
const enabled = Type.Boolean({
  description: 'Whether people can log in with it. Switching it off ends the sessions it opened, but for your own.',
})

const ProviderAnswer = Type.Object({
  id: uuid('The provider; its login page is `/api/v1/sso/{id}/login`.'),
  name,
  issuer: Type.String({ description: 'Its URL.', examples: ['https://id.example.com/realms/acme'] }),
  clientId,
  hasClientSecret: Type.Boolean({ description: 'The secret itself is told to nobody.' }),
  scopes,
  groupsClaim,
  roleMapping,
  defaultRole,
  enabled,
  createdAt: instant('When it was made.'),
  modifiedAt: nullable(instant('When it was changed last.')),
})

const clientSecret = nullable(Type.String({ minLength: 1, maxLength: 1000, examples: ['s3cr3t'] }), {
  description: 'What this installation proves itself with; stored encrypted. Null: a public client.',
})
const changeable = {
  clientSecret: Type.Optional(clientSecret),
  scopes: Type.Optional(scopes),
  groupsClaim: Type.Optional(groupsClaim),
  roleMapping: Type.Optional(roleMapping),
  defaultRole: Type.Optional(defaultRole),
  enabled: Type.Optional(enabled),
}
const strict = { additionalProperties: false }
const NewProviderBody = Type.Object(
  {
    name,
    issuer: Type.String({
      minLength: 1,
      maxLength: 600,
      description: 'Its URL, without `/.well-known/openid-configuration`.',
      examples: ['https://id.example.com/realms/acme'],
    }),
    clientId,
    ...changeable,
  },
  strict,
)
const ChangeBody = Type.Object({ name: Type.Optional(name), clientId: Type.Optional(clientId), ...changeable }, strict)

const about = { tags: ['Single sign-on'] }
const Params = Type.Object({ providerId: uuid('The provider.') })
const config = { access: 'admin' } as const

/** What an administrator does about identity providers. */
export function ssoProviderRoutes(context: ApiContext): void {
  readProviders(context)
  createProviders(context)
  changeProviders(context)
}

function readProviders({ app, sso }: ApiContext): void {
  app.get(
    '/sso/providers',
    {
      config,
      schema: {
        ...about,
        summary: 'List the identity providers of the contract',
        description: 'By name; 20 at most.',
        response: { 200: Type.Object({ items: Type.Array(ProviderAnswer) }) },
      },
    },
    async (request) => ({ items: (await sso.listProviders(personOf(request).contractId)).map(toAnswer) }),
  )

  app.get(
    '/sso/providers/:providerId',
    {
      config,
      schema: {
        ...about,
        summary: 'An identity provider',
        description: 'With what its groups make people; without its secret.',
        params: Params,
        response: { 200: ProviderAnswer },
      },
    },
    async (request) => toAnswer(await sso.getProvider(personOf(request).contractId, request.params.providerId)),
  )
}

function createProviders(context: ApiContext): void {
  const { app, sso } = context
  app.post(
    '/sso/providers',
    {
      config,
      schema: {
        ...about,
        summary: 'Let people log in with an OpenID Connect provider',
        description:
          'Register this installation there first, as a web application with the redirect URI ' +
          '`https://<this installation>/api/v1/sso/callback`. The provider is asked for its configuration and keys before the ' +
          'answer. People become members with their first login; without `roleMapping` and `defaultRole` nobody does.',
        body: NewProviderBody,
        response: { 201: ProviderAnswer, ...problems(409) },
      },
    },
    async (request, reply) => {
      const made = await sso.createProvider(
        personOf(request).contractId,
        request.body,
        doerOf(askerOf(request, context)),
      )
      reply.code(201).header('location', `/api/v1/sso/providers/${made.id}`)
      return toAnswer(made)
    },
  )
}

function changeProviders(context: ApiContext): void {
  const { app, sso } = context
  app.patch(
    '/sso/providers/:providerId',
    {
      config,
      schema: {
        ...about,
        summary: 'Change an identity provider',
        description:
          'What is absent stays. Rights follow at the next login of each person. The issuer cannot be changed: people are ' +
          'known by it; make another provider instead.',
        params: Params,
        body: ChangeBody,
        response: { 200: ProviderAnswer, ...problems(409) },
      },
    },
    async (request) => {
      const { providerId } = request.params
      return toAnswer(
        await sso.changeProvider(
          personOf(request).contractId,
          providerId,
          request.body,
          doerOf(askerOf(request, context)),
        ),
      )
    },
  )

  app.delete(
    '/sso/providers/:providerId',
    {
      config,
      schema: {
        ...about,
        summary: 'Delete an identity provider',
        description:
          'Nobody logs in with it any more, and the sessions it opened end, but for your own. Who did stays a member, with their ' +
          'API keys, until removed.',
        params: Params,
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await sso.deleteProvider(
        personOf(request).contractId,
        request.params.providerId,
        doerOf(askerOf(request, context)),
      )
      return reply.code(204).send(undefined)
    },
  )
}

function toAnswer({
  createdAt,
  modifiedAt,
  scopes: asked,
  roleMapping: rules,
  ...provider
}: Provider): Static<typeof ProviderAnswer> {
  return {
    ...provider,
    scopes: [...asked],
    roleMapping: [...rules],
    createdAt: toInstant(createdAt),
    modifiedAt: toInstantOrNull(modifiedAt),
  }
}
