import { Type } from 'typebox'
import { personOf } from '../doors/caller.ts'
import type { ApiContext } from './context.ts'
import { nullable, uuid } from './wire.ts'

const Me = Type.Object({
  userId: uuid('The person.'),
  email: Type.String({ examples: ['ann@example.com'] }),
  contract: Type.Integer({ description: 'The number of the contract in which the request acts.', examples: [1] }),
  role: Type.Enum(['owner', 'admin', 'member']),
  manageRegistry: Type.Boolean({
    description: 'The privilege Manage Registry, which members need to change registries.',
  }),
  isOperator: Type.Boolean({ description: 'Runs the installation.' }),
  apiKey: nullable(
    Type.Object({
      name: Type.String({ examples: ['laptop'] }),
      readOnly: Type.Boolean(),
      limited: Type.Boolean({ description: 'To some registries or actions.' }),
    }),
    { description: 'With which API key the request was made; null: none.' },
  ),
})

export function meRoutes({ app }: ApiContext): void {
  app.get(
    '/me',
    {
      config: { access: 'self' },
      schema: {
        tags: ['Me'],
        summary: 'Who am I, and what may I do?',
        description: 'The person whose credentials the request shows, in the contract it acts in.',
        response: { 200: Me },
      },
    },
    async (request) => {
      const person = personOf(request)
      const { userId, email, contractId, role, manageRegistry, isOperator } = person
      return { userId, email, contract: contractId, role, manageRegistry, isOperator, apiKey: keyOf(person) }
    },
  )
}

function keyOf(person: ReturnType<typeof personOf>) {
  if (person.kind === 'user') return null
  const { name, readOnly, registryIds, actions } = person
  return { name, readOnly, limited: registryIds !== null || actions !== null }
}
