import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import type { Asker } from '../accounts/deps.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { AuthRoom } from '../auth/auth.ts'
import { personOf } from '../doors/caller.ts'
import type { Client } from '../http/client.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { Registries } from '../registries/registries.ts'
import type { AdvisoryFeeds } from '../scans/advisory-feeds.ts'
import type { Scans } from '../scans/scans.ts'
import type { Sso } from '../sso/sso.ts'
import type { Usage } from '../usage/usage.ts'

export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What may be done: the acts of the rooms that this API is a door to. A new room gets a line here and in compose.ts. */
export interface Acts {
  readonly auth: Pick<AuthRoom, 'authenticatePerson' | 'logIn'>
  readonly accounts: Accounts
  readonly auditLog: AuditLog
  readonly feeds: Pick<AdvisoryFeeds, 'state' | 'fetchNow'>
  readonly jobs: Jobs
  readonly registries: Registries
  readonly scans: Pick<Scans, 'report' | 'scan' | 'history'>
  readonly sso: Sso
  readonly usage: Usage
}

/** What a file of routes is given. Who asks: `personOf` and `actorOf` of doors/caller.ts. */
export interface ApiContext extends Acts {
  /** Routes are registered here without the prefix `/api/v1`; each says `config: { access }`. */
  readonly app: ApiApp
  readonly clientOf: (request: FastifyRequest) => Client
  /** Where the console is, as the caller reaches it: `https://cr.example.com/ui/…`. */
  readonly consoleUrl: (request: FastifyRequest, path: string) => string
}

/** The person who asks, as the acts of the accounts room know them. */
export function askerOf(request: FastifyRequest, { clientOf }: Pick<ApiContext, 'clientOf'>): Asker {
  return { person: personOf(request), address: clientOf(request).address }
}
