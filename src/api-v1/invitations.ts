import { Type } from 'typebox'
import { doerOf, operatorOf } from '../accounts/deps.ts'
import type { Invitation } from '../accounts/invitations.ts'
import { body, contractId, email, linkFields, linkPath, manageRegistry, ROLE } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, NO_CONTENT, toInstant, uuid } from './wire.ts'

const InvitationAnswer = Type.Object({
  id: uuid('The invitation.'),
  email: email('Whom it invites.'),
  role: ROLE,
  manageRegistry,
  createdBy: Type.String({ examples: ['ann@example.com'] }),
  createdAt: instant('When it was made.'),
  expiresAt: instant('Until when its link works.'),
})
const NewInvitationAnswer = Type.Object({ ...InvitationAnswer.properties, ...linkFields })

const about = { tags: ['People'] }

export function invitationRoutes(context: ApiContext): void {
  invite(context)
  openInvitations(context)
}

function invite(context: ApiContext): void {
  const { app, accounts, consoleUrl } = context
  app.post(
    '/invitations',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'Invite a person into the contract',
        description:
          'No mail is sent: hand them the link. It works once, for 7 days, and a newer one for the same address replaces it. ' +
          'Who has an account accepts with their own password, who has none chooses one. Only owners invite owners.',
        body: body({
          email: email('Whom to invite.'),
          role: Type.Optional(ROLE),
          manageRegistry: Type.Optional(manageRegistry),
        }),
        response: { 201: NewInvitationAnswer, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { email: invited, role = 'member', manageRegistry: manages = false } = request.body
      const asker = askerOf(request, context)
      const input = { contractId: asker.person.contractId, email: invited, role, manageRegistry: manages }
      const { invitation, secret } = await accounts.createInvitation(input, doerOf(asker))
      reply.code(201).header('location', `/api/v1/invitations/${invitation.id}`)
      return { ...toAnswer(invitation), link: consoleUrl(request, linkPath(secret)), secret }
    },
  )

  app.post(
    '/contracts/:contractId/owner-invitation',
    {
      config: { access: 'operator' },
      schema: {
        tags: ['Contracts'],
        summary: 'Invite an owner into a contract that has none',
        description:
          'For one whose first owner did not accept in time, or whose owners are gone. Otherwise its owners invite.',
        params: Type.Object({ contractId }),
        body: body({ email: email('Whom to invite.') }),
        response: { 201: NewInvitationAnswer, ...problems(409) },
      },
    },
    async (request, reply) => {
      const contract = Number(request.params.contractId)
      const input = { contractId: contract, email: request.body.email, role: 'owner', manageRegistry: true } as const
      const { invitation, secret } = await accounts.createInvitation(input, operatorOf(askerOf(request, context)))
      reply.code(201)
      return { ...toAnswer(invitation), link: consoleUrl(request, linkPath(secret)), secret }
    },
  )
}

function openInvitations(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/invitations',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'List the open invitations',
        description: 'Neither accepted nor expired, in the order in which they were made.',
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(InvitationAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const page = { limit: limit + 1, after: Number(after?.[0] ?? 0) }
      const rows = await accounts.listInvitations(askerOf(request, context).person.contractId, page)
      return toPage(rows, limit, ({ position }) => [position], toAnswer)
    },
  )

  app.delete(
    '/invitations/:invitationId',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'Revoke an invitation',
        description: 'Its link stops at once.',
        params: Type.Object({ invitationId: uuid('The invitation.') }),
        response: { 204: NO_CONTENT },
      },
    },
    async (request, reply) => {
      const asker = askerOf(request, context)
      const which = { contractId: asker.person.contractId, id: request.params.invitationId }
      await accounts.revokeInvitation(which, doerOf(asker))
      return reply.code(204).send(undefined)
    },
  )
}

function toAnswer({ position: _, createdAt, expiresAt, ...invitation }: Invitation) {
  return { ...invitation, createdAt: toInstant(createdAt), expiresAt: toInstant(expiresAt) }
}
