import { Type } from 'typebox'
import { callerIfAny } from '../doors/caller.ts'
import { refuseOtherSites } from '../doors/session-cookie.ts'
import { body, CONTRACT_NUMBER, email, givenPassword } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { problems } from './problem.ts'
import { nullable } from './wire.ts'

export function accountLinkRoutes({ app, accounts, auth, clientOf }: ApiContext): void {
  app.post(
    '/account-links/redeem',
    {
      config: { access: 'public' },
      schema: {
        tags: ['People'],
        summary: 'Open a link: accept an invitation, or set a new password',
        description:
          'Once. For a reset, `password` is the new one. For an invitation it is the one you have here, or, if you have none, ' +
          'the one you choose; whoever is logged in as the invited person leaves it out.',
        body: body({
          secret: Type.String({
            maxLength: 200,
            description: 'What the link carries behind #.',
            examples: ['entl_7TqZ0bXw2K_…'],
          }),
          password: Type.Optional(nullable(givenPassword('10 to 256 characters of any kind.'))),
        }),
        response: {
          200: Type.Object({
            kind: Type.Enum(['invite', 'reset']),
            email: email('Whose account it is: the name to log in with.'),
            contract: nullable(CONTRACT_NUMBER, { description: 'Which contract was joined; null: none.' }),
          }),
          ...problems(401, 403, 404, 409),
        },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const client = clientOf(request)
      if (request.headers.authorization === undefined) refuseOtherSites(request, client, 'if-told')
      const { secret, password = null } = request.body
      const person = await callerIfAny(auth, client, request)
      const opened = await accounts.redeemLink({ secret, password, person, address: client.address })
      return { kind: opened.kind, email: opened.email, contract: opened.contractId }
    },
  )
}
