import { Type } from 'typebox'
import { body, CONTRACT_NUMBER, givenPassword, manageRegistry, ROLE } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { NO_CONTENT, nullable } from './wire.ts'

const displayName = nullable(Type.String({ maxLength: 1_000, examples: ['Ann Example'] }), {
  description: 'What you want to be called, up to 100 characters; null: by your e-mail address.',
})
const Profile = Type.Object({
  displayName,
  hasPassword: Type.Boolean({ description: 'False: you log in by single sign-on only.' }),
})

const about = { tags: ['Me'] }

export function ownAccountRoutes(context: ApiContext): void {
  profile(context)
  password(context)
}

function profile(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/me/profile',
    { config: { access: 'self' }, schema: { ...about, summary: 'Your account', response: { 200: Profile } } },
    async (request) => await accounts.getProfile(askerOf(request, context)),
  )

  app.patch(
    '/me',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Change your account',
        description: 'It belongs to you, not to a contract: log in by password to change it.',
        body: body({ displayName: Type.Optional(displayName) }),
        response: { 200: Profile },
      },
    },
    async (request) => {
      const asker = askerOf(request, context)
      const { displayName: wanted } = request.body
      if (wanted !== undefined) await accounts.changeProfile({ displayName: wanted }, asker)
      return await accounts.getProfile(asker)
    },
  )

  app.get(
    '/me/contracts',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'In which contracts you can act',
        description: 'Choose one with the header X-Contract-Number; without it the first is meant.',
        response: {
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                contract: CONTRACT_NUMBER,
                name: Type.String({ examples: ['Acme'] }),
                role: ROLE,
                manageRegistry,
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const contracts = await accounts.listOwnContracts(askerOf(request, context))
      return { items: contracts.map(({ contractId, ...rest }) => ({ contract: contractId, ...rest })) }
    },
  )
}

function password(context: ApiContext): void {
  const { app, accounts } = context
  app.put(
    '/me/password',
    {
      config: { access: 'self' },
      schema: {
        ...about,
        summary: 'Change your password',
        description: 'Your other sessions and docker logins made with the former one end; API keys stay.',
        body: body({
          currentPassword: givenPassword('The one you have.'),
          password: givenPassword('The new one: 10 to 256 characters of any kind.'),
        }),
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      const { currentPassword: current, password: next } = request.body
      await accounts.changeOwnPassword({ current, password: next }, askerOf(request, context))
      return reply.code(204).send(undefined)
    },
  )
}
