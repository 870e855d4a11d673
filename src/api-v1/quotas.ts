import { Type } from 'typebox'
import { actorOf, personOf } from '../doors/caller.ts'
import type { QuotaView } from '../usage/quotas.ts'
import { body, contractId } from './account-wire.ts'
import type { ApiContext } from './context.ts'
import { nullable, uuid } from './wire.ts'

const limitBytes = nullable(
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In bytes.', examples: [107_374_182_400] }),
  { description: 'Null: no limit.' },
)

export const Quota = Type.Object({
  limitBytes,
  usedBytes: Type.Integer({ minimum: 0, description: 'Live bytes.', examples: [1_073_741_824] }),
  reservedBytes: Type.Integer({ minimum: 0, description: 'By uploads that are open.', examples: [0] }),
  freeBytes: nullable(Type.Integer({ minimum: 0, examples: [106_300_440_576] }), { description: 'Null: no limit.' }),
})

const GivenQuota = body({ limitBytes })
const RegistryParams = Type.Object({ registryId: uuid('The registry.') })
const ContractParams = Type.Object({ contractId })

const EFFECT =
  'What is stored stays, also beyond the limit; a push that would exceed it is refused, before its bytes are sent where ' +
  'their number is known. Every process knows within a second.'

const about = { tags: ['Usage'] }

export function quotaRoutes(context: ApiContext): void {
  registryQuota(context)
  contractQuota(context)
}

function registryQuota({ app, usage }: ApiContext): void {
  app.get(
    '/registries/:registryId/quota',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'How much a registry may store, and what is left of it',
        params: RegistryParams,
        response: { 200: Quota },
      },
    },
    async (request) => toQuota(await usage.registryQuota(actorOf(request), request.params.registryId)),
  )

  app.put(
    '/registries/:registryId/quota',
    {
      config: { access: 'admin' },
      schema: {
        ...about,
        summary: 'Limit what a registry may store',
        description: EFFECT,
        params: RegistryParams,
        body: GivenQuota,
        response: { 200: Quota },
      },
    },
    async (request) => {
      const { limitBytes: limit } = request.body
      return toQuota(await usage.setRegistryQuota(actorOf(request), request.params.registryId, limit))
    },
  )
}

function contractQuota({ app, usage }: ApiContext): void {
  app.get(
    '/contracts/:contractId/quota',
    {
      config: { access: 'read' },
      schema: {
        ...about,
        summary: 'How much a contract may store in all its registries, and what is left of it',
        description: "One's own contract; an operator: any. Not for keys limited to registries.",
        params: ContractParams,
        response: { 200: Quota },
      },
    },
    async (request) => {
      const { isOperator } = personOf(request)
      return toQuota(await usage.contractQuota(actorOf(request), Number(request.params.contractId), isOperator))
    },
  )

  app.put(
    '/contracts/:contractId/quota',
    {
      config: { access: 'operator' },
      schema: {
        ...about,
        summary: 'Limit what a contract may store in all its registries',
        description: EFFECT,
        params: ContractParams,
        body: GivenQuota,
        response: { 200: Quota },
      },
    },
    async (request) => {
      const { limitBytes: limit } = request.body
      return toQuota(await usage.setContractQuota(actorOf(request), Number(request.params.contractId), limit))
    },
  )
}

export function toQuota({ limit, used, reserved, free }: QuotaView) {
  return { limitBytes: limit, usedBytes: used, reservedBytes: reserved, freeBytes: free }
}
