import { Type } from 'typebox'
import type { Contract } from '../accounts/contracts.ts'
import { doerOf, operatorOf } from '../accounts/deps.ts'
import { body, CONTRACT_NUMBER, contractId, email, linkFields, linkPath, ROLE } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { askerOf } from './context.ts'
import { askedPage, pageOf, pageQuery, toPage } from './page.ts'
import { problems } from './problem.ts'
import { instant, nullable, toInstant, toInstantOrNull, uuid } from './wire.ts'

const maxTokenLifetime = nullable(
  Type.Integer({ minimum: 60, maximum: 3_153_600_000, description: 'In seconds.', examples: [7_776_000] }),
  { description: 'How long a password of a registry token works at most; null: no limit.' },
)

const ContractAnswer = Type.Object({
  contract: CONTRACT_NUMBER,
  name: Type.String({ examples: ['Acme'] }),
  state: Type.Enum(['active', 'suspended', 'deleted'], {
    description: "A suspended contract's people and tokens are shut out; what it stored stays.",
  }),
  maxTokenLifetimeSeconds: maxTokenLifetime,
  createdAt: instant('When it was made.'),
  deletedAt: nullable(instant('When it was deleted.')),
})

const Deleted = Type.Object({
  registries: Type.Integer({ description: 'How many registries went with it.', examples: [3] }),
  purgeAfter: instant('From when on what they hold is destroyed.'),
})

const ContractName = Type.String({ maxLength: 1_000, description: '1 to 200 characters.', examples: ['Acme'] })
const ContractParams = Type.Object({ contractId })

const own = { tags: ['Contracts'] }
const about = { tags: ['Contracts'] }

export function contractRoutes(context: ApiContext): void {
  ownContract(context)
  allContracts(context)
  oneContract(context)
}

function ownContract(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/contract',
    {
      config: { access: 'read' },
      schema: {
        ...own,
        summary: 'The contract in which the request acts',
        description: 'People of several contracts choose one with X-Contract-Number.',
        response: { 200: ContractAnswer },
      },
    },
    async (request) => toAnswer(await accounts.getContract(askerOf(request, context).person.contractId)),
  )

  app.patch(
    '/contract',
    {
      config: { access: 'admin' },
      schema: {
        ...own,
        summary: 'Rename the contract, or limit the lifetime of its registry tokens',
        description: 'What is absent stays. A limit holds for the passwords that exist, too, within a second.',
        body: body({
          name: Type.Optional(ContractName),
          maxTokenLifetimeSeconds: Type.Optional(maxTokenLifetime),
        }),
        response: { 200: ContractAnswer },
      },
    },
    async (request) => {
      const { name, maxTokenLifetimeSeconds: seconds } = request.body
      const asker = askerOf(request, context)
      const { contractId } = asker.person
      const maxTokenLifetimeMs = typeof seconds === 'number' ? seconds * 1_000 : seconds
      return toAnswer(await accounts.changeContract({ contractId, name, maxTokenLifetimeMs }, doerOf(asker)))
    },
  )

  app.delete(
    '/contract',
    {
      config: { access: 'owner' },
      schema: {
        ...own,
        summary: 'Delete the contract with all its registries',
        description:
          'Everybody in it is shut out within a second, whoever asks included: memberships, API keys, sessions and ' +
          'registry tokens end. What the registries hold is destroyed at the end of quarantine.',
        response: { 200: Deleted, ...problems(409) },
      },
    },
    async (request) => {
      const asker = askerOf(request, context)
      return toDeleted(await accounts.deleteContract(asker.person.contractId, doerOf(asker)))
    },
  )
}

function allContracts(context: ApiContext): void {
  const { app, accounts, consoleUrl } = context
  app.get(
    '/contracts',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'List all contracts',
        description: 'By number, deleted ones too.',
        querystring: Type.Object(pageQuery),
        response: { 200: pageOf(ContractAnswer) },
      },
    },
    async (request) => {
      const { limit, after } = askedPage(request.query, ['number'])
      const rows = await accounts.listContracts({ limit: limit + 1, after: Number(after?.[0] ?? 0) })
      return toPage(rows, limit, ({ contractId }) => [contractId], toAnswer)
    },
  )

  app.post(
    '/contracts',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Create a contract and invite its owner',
        description:
          'The answer has a link for the owner, which works once, for 7 days. An operator who makes a contract is not in it.',
        body: body({ name: ContractName, ownerEmail: email('Whom to invite as owner.') }),
        response: {
          201: Type.Object({
            ...ContractAnswer.properties,
            invitation: Type.Object({
              id: uuid('The invitation.'),
              email: email('Whom it invites.'),
              role: ROLE,
              expiresAt: instant('Until when the link works.'),
              ...linkFields,
            }),
          }),
          ...problems(409),
        },
      },
    },
    async (request, reply) => {
      const { name, ownerEmail } = request.body
      const doer = operatorOf(askerOf(request, context))
      const made = await accounts.foundContract({ name, ownerEmail }, doer)
      const { id, email: invited, role, expiresAt } = made.invitation
      const link = consoleUrl(request, linkPath(made.secret))
      const invitation = { id, email: invited, role, expiresAt: toInstant(expiresAt), link, secret: made.secret }
      reply.code(201).header('location', `/api/v1/contracts/${made.contract.contractId}`)
      return { ...toAnswer(made.contract), invitation }
    },
  )
}

function oneContract(context: ApiContext): void {
  const { app, accounts } = context
  app.get(
    '/contracts/:contractId',
    {
      config: { access: 'operator' },
      schema: { ...about, summary: 'A contract', params: ContractParams, response: { 200: ContractAnswer } },
    },
    async (request) => toAnswer(await accounts.getContract(Number(request.params.contractId))),
  )

  app.patch(
    '/contracts/:contractId',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Rename, suspend or resume a contract',
        description: 'What is absent stays. A suspended contract is shut within a second, and loses nothing.',
        params: ContractParams,
        body: body({
          name: Type.Optional(ContractName),
          state: Type.Optional(Type.Enum(['active', 'suspended'])),
        }),
        response: { 200: ContractAnswer, ...problems(409) },
      },
    },
    async (request) => {
      const contractId = Number(request.params.contractId)
      const { name, state } = request.body
      return toAnswer(await accounts.changeContract({ contractId, name, state }, operatorOf(askerOf(request, context))))
    },
  )

  app.delete(
    '/contracts/:contractId',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Delete a contract with all its registries',
        description:
          'Everybody in it is shut out within a second. What its registries hold is destroyed at the end of quarantine. Its ' +
          'number is never given again.',
        params: ContractParams,
        response: { 200: Deleted, ...problems(409) },
      },
    },
    async (request) => {
      const contractId = Number(request.params.contractId)
      return toDeleted(await accounts.deleteContract(contractId, operatorOf(askerOf(request, context))))
    },
  )
}

function toAnswer(contract: Contract) {
  const { contractId, name, state, maxTokenLifetimeMs: ms } = contract
  return {
    contract: contractId,
    name,
    state,
    maxTokenLifetimeSeconds: ms === null ? null : Math.floor(ms / 1_000),
    createdAt: toInstant(contract.createdAt),
    deletedAt: toInstantOrNull(contract.deletedAt),
  }
}

function toDeleted({ registries, purgeAfter }: { readonly registries: number; readonly purgeAfter: number }) {
  return { registries, purgeAfter: toInstant(purgeAfter) }
}
