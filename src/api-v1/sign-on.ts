import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { DomainError } from '../domain/error.ts'
import { setSessionCookie } from '../doors/session-cookie.ts'
import { SIGN_ON_CALLBACK, setSignOnCookie, signOnCookie } from '../doors/sign-on-cookie.ts'
import type { ApiContext } from './context.ts'
import { uuid } from './wire.ts'

const about = { tags: ['Single sign-on'] }

const REDIRECT = Type.Unsafe<undefined>({
  type: 'null',
  description: 'To the identity provider, to the page asked for, or to `/ui/login?error=…` with a sentence for people.',
})

const LoginOption = Type.Object({
  id: uuid('Its login page is `/api/v1/sso/{id}/login`.'),
  name: Type.String({ description: 'What its button says.', examples: ['Acme'] }),
})

/** What browsers do, before they are anybody. */
export function signOnRoutes(context: ApiContext): void {
  discover(context)
  roundTrip(context)
}

function discover({ app, sso }: ApiContext): void {
  app.get(
    '/sso/discover',
    {
      config: { access: 'public' },
      schema: {
        ...about,
        summary: 'Which providers can I log in with?',
        description:
          'For a login page: the providers of a contract, by its number. Without a number: those of the only contract there ' +
          'is; of several, none. Unknown contracts and those without a provider answer alike. No e-mail address is taken: ' +
          'the answer would tell who has an account.',
        querystring: Type.Object({
          contract: Type.Optional(
            Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Number of the contract.' }),
          ),
        }),
        response: { 200: Type.Object({ items: Type.Array(LoginOption) }) },
      },
    },
    async (request) => ({ items: await sso.discoverProviders(request.query.contract ?? null) }),
  )
}

function roundTrip(context: ApiContext): void {
  const { app, sso, clientOf } = context
  app.get(
    '/sso/:providerId/login',
    {
      config: { access: 'public' },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Log in with a provider',
        description:
          'For browsers; can be bookmarked. Leads to the provider, and from there back to `return_to`, with a session that ' +
          'opens only the contract of the provider.',
        params: Type.Object({ providerId: uuid('The provider.') }),
        querystring: Type.Object({
          return_to: Type.Optional(
            Type.String({ description: 'The path of a page of the console.', examples: ['/ui/registries'] }),
          ),
        }),
        response: { 302: REDIRECT },
      },
    },
    (request, reply) =>
      explained(reply, async () => {
        const client = clientOf(request)
        const { location, cookie } = await sso.beginLogin({
          providerId: request.params.providerId,
          returnTo: request.query.return_to ?? null,
          redirectUri: callbackUrl(request, context),
        })
        setSignOnCookie(reply, client, cookie)
        return location.href
      }),
  )

  app.get(
    '/sso/callback',
    {
      config: { access: 'public' },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Where providers send browsers back to',
        description:
          'The redirect URI to register at a provider: this path at the public address of this installation. What is in the ' +
          'query is between the provider and this server.',
        response: { 302: REDIRECT },
      },
    },
    (request, reply) =>
      explained(reply, async () => {
        const client = clientOf(request)
        const signedOn = await sso.finishLogin({
          query: queryOf(request),
          cookie: (name) => signOnCookie(request, name),
          address: client.address,
          userAgent: request.headers['user-agent'] ?? null,
        })
        setSignOnCookie(reply, client, { name: signedOn.cookieName, value: '', maxAgeSeconds: 0 })
        setSessionCookie(reply, client, signedOn.session, signedOn.expiresAt)
        return signedOn.returnTo
      }),
  )
}

/** Somebody looks at a page here, not at JSON: what they can act on becomes a sentence on the login page. */
async function explained(reply: FastifyReply, act: () => Promise<string>): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer')
  try {
    return reply.redirect(await act(), 302)
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return reply.redirect(`/ui/login?${new URLSearchParams({ error: error.message })}`, 302)
  }
}

/** As the provider compares it with what was registered there. @throws `input_invalid` */
function callbackUrl(request: FastifyRequest, { consoleUrl }: ApiContext): string {
  const url = consoleUrl(request, SIGN_ON_CALLBACK)
  if (URL.parse(url) !== null) return url
  throw new DomainError('input_invalid', 'The Host of this request is not valid. Open the page by its usual address.')
}

function queryOf({ raw }: FastifyRequest): string {
  const { url = '' } = raw
  return url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
}
