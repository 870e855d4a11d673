import { Type } from 'typebox'
import type { Session } from '../accounts/sessions.ts'
import { clearSessionCookie, refuseOtherSites, setSessionCookie, shownSession } from '../doors/session-cookie.ts'
import { body, CONTRACT_NUMBER, email, givenPassword } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, uuid } from './wire.ts'

const SessionAnswer = Type.Object({
  id: uuid('The session.'),
  contract: CONTRACT_NUMBER,
  createdAt: instant('When it began.'),
  lastUsedAt: instant('Its last use, to a few seconds.'),
  expiresAt: instant('When it ends if it is not used again: 12 hours after its last use, 7 days after it began.'),
  address: nullable(Type.String({ examples: ['203.0.113.7'] }), { description: 'Where it was used last.' }),
  userAgent: nullable(Type.String({ examples: ['Mozilla/5.0 …'] }), { description: 'What it was begun with.' }),
  singleSignOn: Type.Boolean({ description: 'Begun by single sign-on: it opens its contract only.' }),
  current: Type.Boolean({ description: 'The one this request was made with.' }),
})

const SessionParams = Type.Object({ sessionId: uuid('The session.') })
const about = { tags: ['Me'] }

export function sessionRoutes(context: ApiContext): void {
  logIn(context)
  ownSessions(context)
  endSessions(context)
}

function logIn({ app, accounts, auth, clientOf }: ApiContext): void {
  app.post(
    '/sessions',
    {
      config: { access: 'public' },
      schema: {
        ...about,
        summary: 'Log in',
        description:
          'Begins a session: as a cookie for browsers, and as `token` for others, which send it as `Authorization: Bearer`. ' +
          'The session that the request came with, if any, ends.',
        body: body({
          email: email('Your e-mail address.'),
          password: givenPassword('Your password.'),
          contract: Type.Optional(nullable(CONTRACT_NUMBER, { description: 'Which of yours; null: the first.' })),
        }),
        response: {
          201: Type.Object({
            ...SessionAnswer.properties,
            token: Type.String({ description: 'In this answer only.', examples: ['ents_7TqZ0bXw2K_…'] }),
          }),
          ...problems(401, 403),
        },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const client = clientOf(request)
      const { address } = client
      refuseOtherSites(request, client, 'if-told')
      const { email: name, password, contract = null } = request.body
      const person = await auth.logIn({ email: name.trim(), password, address }, contract)
      const userAgent = request.headers['user-agent'] ?? null
      const begun = { person, replaces: shownSession(request, client), address, userAgent }
      const { session, secret, endsAt } = await accounts.createSession(begun)
      setSessionCookie(reply, client, secret, endsAt)
      reply.code(201).header('location', `/api/v1/sessions/${session.id}`)
      return { ...toAnswer(session), token: secret }
    },
  )
}

function ownSessions(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/sessions',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'List your sessions',
        description: 'Wherever you are logged in, the newest first; 100 at most.',
        response: { 200: Type.Object({ items: Type.Array(SessionAnswer) }) },
      },
    },
    async (request) => ({ items: (await accounts.listSessions(askerOf(request, context))).map(toAnswer) }),
  )
}

function endSessions(context: ApiContext): void {
  const { app, accounts, clientOf } = context
  app.delete(
    '/sessions/current',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Log out',
        description: 'Ends the session that asks.',
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await accounts.endCurrentSession(askerOf(request, context))
      clearSessionCookie(reply, clientOf(request))
      return reply.code(204).send(undefined)
    },
  )

  app.delete(
    '/sessions',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Log out everywhere else',
        description: 'Ends all your sessions but the one that asks; asked with a password, all.',
        response: { 200: Type.Object({ ended: Type.Integer({ description: 'How many.', examples: [2] }) }) },
      },
    },
    async (request) => ({ ended: await accounts.endOtherSessions(askerOf(request, context)) }),
  )

  app.delete(
    '/sessions/:sessionId',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'End one of your sessions',
        params: SessionParams,
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      await accounts.endSession(request.params.sessionId, askerOf(request, context))
      return reply.code(204).send(undefined)
    },
  )
}

function toAnswer(session: Session) {
  return {
    id: session.id,
    contract: session.contractId,
    createdAt: toInstant(session.createdAt),
    lastUsedAt: toInstant(session.lastUsedAt),
    expiresAt: toInstant(session.expiresAt),
    address: session.address,
    userAgent: session.userAgent,
    singleSignOn: session.bound,
    current: session.current,
  }
}
