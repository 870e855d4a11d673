import type { FastifyRequest } from 'fastify'
import { refusalOf } from '../domain/access.ts'
import { DomainError } from '../domain/error.ts'
import { personOf } from '../doors/caller.ts'

export { actorOf } from '../doors/caller.ts'

/** Owners, admins and members with the privilege Manage Registry. @throws `denied` */
export async function mustManage(request: FastifyRequest): Promise<void> {
  const refusal = refusalOf(personOf(request), 'manage', true)
  if (refusal !== null) throw new DomainError('denied', refusal)
}
