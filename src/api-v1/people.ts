import { Type } from 'typebox'
import { doerOf, operatorOf } from '../accounts/deps.ts'
import type { User } from '../accounts/users.ts'
import { body, contractId, email, linkFields, linkPath, manageRegistry, ROLE } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, nullable, toInstant, uuid } from './wire.ts'

const PersonAnswer = Type.Object({
  userId: uuid('The person.'),
  email: email('Their login name.'),
  displayName: nullable(Type.String({ examples: ['Ann Example'] }), { description: 'As they call themselves.' }),
  role: ROLE,
  manageRegistry,
  disabled: Type.Boolean({ description: 'Shut out of this contract, with role and API keys kept.' }),
  since: instant('When they became a member.'),
})

const ResetAnswer = Type.Object({
  email: email('Whose password it resets.'),
  expiresAt: instant('Until when the link works.'),
  ...linkFields,
})

const PersonParams = Type.Object({ userId: uuid('The person.') })

const about = { tags: ['People'] }

export function peopleRoutes(context: ApiContext): void {
  readPeople(context)
  changePeople(context)
  resetLinks(context)
  forOperators(context)
}

function readPeople(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/people',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'List the people of the contract',
        description: 'Who is invited but has not accepted is under /invitations.',
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(PersonAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['string'])
      const page = { limit: limit + 1, after: String(after?.[0] ?? '') }
      const rows = await accounts.pageOfUsers(askerOf(request, context).person.contractId, page)
      return toPage(rows, limit, ({ email: address }) => [address], toAnswer)
    },
  )

  app.get(
    '/people/:userId',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'One person of the contract',
        params: PersonParams,
        response: { 200: PersonAnswer },
      },
    },
    async (request) =>
      toAnswer(await accounts.getUser(askerOf(request, context).person.contractId, request.params.userId)),
  )
}

function changePeople(context: ApiContext): void {
  const { app, accounts } = context
  app.patch(
    '/people/:userId',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: "Change a person's role, or disable or enable them in this contract",
        description:
          'What is absent stays. It holds within a second. Only owners make, change and unmake owners, and one must remain.',
        params: PersonParams,
        body: body({
          role: Type.Optional(ROLE),
          manageRegistry: Type.Optional(manageRegistry),
          disabled: Type.Optional(Type.Boolean({ description: 'true: shut out, with role and API keys kept.' })),
        }),
        response: { 200: PersonAnswer, ...problems(409) },
      },
    },
    async (request) => {
      const asker = askerOf(request, context)
      const whom = { contractId: asker.person.contractId, userId: request.params.userId }
      return toAnswer(await accounts.changeMembership({ ...whom, ...request.body }, doerOf(asker)))
    },
  )

  app.delete(
    '/people/:userId',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'Remove a person from the contract',
        description:
          'They are out within a second and their API keys in it end. Their account in other contracts stays.',
        params: PersonParams,
        response: { 204: NO_CONTENT, ...problems(409) },
      },
    },
    async (request, reply) => {
      const asker = askerOf(request, context)
      const whom = { contractId: asker.person.contractId, userId: request.params.userId }
      await accounts.removeMembership(whom, doerOf(asker))
      return reply.code(204).send(undefined)
    },
  )
}

function resetLinks(context: ApiContext): void {
  const { app, accounts, consoleUrl } = context
  app.post(
    '/people/:userId/reset-link',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'Make a link with which a person sets a new password',
        description:
          'It works once, for a day, and a newer one replaces it. Only for people who belong to no other contract and are ' +
          'no operators: for others ask the operator. Their sessions end when it is used.',
        params: PersonParams,
        response: { 201: ResetAnswer },
      },
    },
    async (request, reply) => {
      const asker = askerOf(request, context)
      const whom = { contractId: asker.person.contractId, userId: request.params.userId }
      const made = await accounts.createResetLink(whom, doerOf(asker))
      reply.code(201)
      return { ...made, expiresAt: toInstant(made.expiresAt), link: consoleUrl(request, linkPath(made.secret)) }
    },
  )
}

/** An operator does not act in contracts, but helps whoever cannot get in any more. */
function forOperators(context: ApiContext): void {
  const { app, accounts, consoleUrl } = context
  app.get(
    '/contracts/:contractId/people',
    {
      config: { access: 'operator' },
      schema: {
        tags: ['Contracts'],
        summary: 'List the people of any contract',
        params: Type.Object({ contractId }),
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(PersonAnswer) },
      },
    },
    async (request) => {
      const contract = await accounts.getContract(Number(request.params.contractId))
      const { limit, after } = askedPage(request.query, ['string'])
      const page = { limit: limit + 1, after: String(after?.[0] ?? '') }
      const rows = await accounts.pageOfUsers(contract.contractId, page)
      return toPage(rows, limit, ({ email: address }) => [address], toAnswer)
    },
  )

  app.post(
    '/contracts/:contractId/people/:userId/reset-link',
    {
      config: { access: 'operator' },
      schema: {
        tags: ['Contracts'],
        summary: 'Make a link with which anybody sets a new password',
        description: "It works once, for a day. The contract's audit log tells of it.",
        params: Type.Object({ contractId, userId: uuid('The person.') }),
        response: { 201: ResetAnswer },
      },
    },
    async (request, reply) => {
      const whom = { contractId: Number(request.params.contractId), userId: request.params.userId }
      const made = await accounts.createResetLink(whom, operatorOf(askerOf(request, context)))
      reply.code(201)
      return { ...made, expiresAt: toInstant(made.expiresAt), link: consoleUrl(request, linkPath(made.secret)) }
    },
  )
}

function toAnswer({ userId, email: address, displayName, role, manageRegistry: manages, isDisabled, since }: User) {
  return {
    userId,
    email: address,
    displayName,
    role,
    manageRegistry: manages,
    disabled: isDisabled,
    since: toInstant(since),
  }
}
