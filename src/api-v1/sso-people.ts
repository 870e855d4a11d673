import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { doerOf } from '../accounts/deps.ts'
import { personOf } from '../doors/caller.ts'
import type { Link } from '../sso/links.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, toInstantOrNull, uuid } from './wire.ts'

const LinkAnswer = Type.Object({
  userId: uuid('The person.'),
  email: Type.String({ examples: ['ann@example.com'] }),
  subject: Type.String({ description: 'Who that is to the provider: the claim `sub`.', examples: ['248289761001'] }),
  createdAt: instant('Since when.'),
  lastLoginAt: nullable(instant('The last login.'), { description: 'Null: not yet.' }),
})

const about = { tags: ['Single sign-on'] }
const Params = Type.Object({ providerId: uuid('The provider.') })
const strict = { additionalProperties: false }
const config = { access: 'admin' } as const

/** Which member is whom to a provider. */
export function ssoPeopleRoutes(context: ApiContext): void {
  readLinks(context)
  changeLinks(context)
}

function readLinks({ app, sso }: ApiContext): void {
  app.get(
    '/sso/providers/:providerId/people',
    {
      config,
      schema: {
        ...about,
        summary: 'Who logs in with a provider',
        description: 'In order of their first login, or of being linked.',
        params: Params,
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(LinkAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const page = { limit: limit + 1, after: Number(after?.[0] ?? 0) }
      return toPage(
        await sso.listLinks(placeOf(request, request.params), page),
        limit,
        ({ position }) => [position],
        toLink,
      )
    },
  )
}

function changeLinks(context: ApiContext): void {
  const { app, sso } = context
  app.post(
    '/sso/providers/:providerId/people',
    {
      config,
      schema: {
        ...about,
        summary: 'Let a member log in with a provider from now on',
        description:
          'For people who were members before the provider was: an address that is in use is never taken over by a login. ' +
          'The refused login is in the audit log (`?action=sso.refused`) with its subject. An owner is linked by an owner.',
        params: Params,
        body: Type.Object(
          {
            userId: uuid('The member.'),
            subject: Type.String({
              minLength: 1,
              maxLength: 255,
              description: 'The claim `sub`.',
              examples: ['248289761001'],
            }),
          },
          strict,
        ),
        response: { 201: LinkAnswer, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { userId, subject } = request.body
      const input = { userId: userId.toLowerCase(), subject }
      reply.code(201)
      return toLink(await sso.linkSubject(placeOf(request, request.params), input, doerOf(askerOf(request, context))))
    },
  )

  app.delete(
    '/sso/providers/:providerId/people/:userId',
    {
      config,
      schema: {
        ...about,
        summary: 'Stop a member from logging in with a provider',
        description: 'Their sessions in this contract end within a second; they stay a member.',
        params: Type.Object({ ...Params.properties, userId: uuid('The member.') }),
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await sso.unlinkSubject(
        placeOf(request, request.params),
        request.params.userId,
        doerOf(askerOf(request, context)),
      )
      return reply.code(204).send(undefined)
    },
  )
}

function placeOf(request: FastifyRequest, { providerId }: { readonly providerId: string }) {
  return { contractId: personOf(request).contractId, providerId }
}

function toLink({ userId, email, subject, since, lastLoginAt }: Link): Static<typeof LinkAnswer> {
  return { userId, email, subject, createdAt: toInstant(since), lastLoginAt: toInstantOrNull(lastLoginAt) }
}
