import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth, Grant } from '../auth/auth.ts'
import { principalKey } from '../auth/principal-key.ts'
import { actorName } from '../domain/actor.ts'
import type { RepositoryName } from '../domain/repository-name.ts'
import type { ClientOf } from '../http/client.ts'
import type { Log } from '../http/log.ts'
import type { Caller, Place, Registry } from '../registry/registry.ts'
import type { Path } from './path.ts'
import type { Site, SiteRules } from './site.ts'

/** What `compose` hands in. */
export interface DistributionDeps extends SiteRules {
  readonly registry: Registry
  readonly auth: Auth
  readonly clientOf: ClientOf
  readonly maxManifestBytes: number
  readonly log: Log
}

/** Fastify keeps the request target as it was sent, whatever the router was shown. */
export type RawRequest = IncomingMessage & { originalUrl?: string }

/** What one request is, before anybody asked who sends it. */
export interface Exchange {
  readonly req: RawRequest
  readonly res: ServerResponse
  readonly method: string
  readonly path: Path
  readonly site: Site
}

/** One admitted request. */
export interface Call {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly method: string
  readonly path: Path
  /** As sent, without the question mark. */
  readonly query: string
  readonly site: Site
  readonly grant: Grant
}

/** One admitted request about a repository. */
export interface RepositoryCall extends Call {
  readonly place: Place
  readonly caller: Caller
}

export type RepositoryHandler = (deps: DistributionDeps, call: RepositoryCall) => Promise<void>

/** What the acts may know of who asks. Getters: most acts need none of it, and a pull is answered forty thousand times a second. */
export class GrantedCaller implements Caller {
  readonly #grant: Grant
  readonly #repository: RepositoryName
  readonly address: string
  readonly admittedNow = true

  constructor(grant: Grant, repository: RepositoryName, address: string) {
    this.#grant = grant
    this.#repository = repository
    this.address = address
  }

  get name(): string {
    return actorName(this.#grant.principal)
  }
  get key(): string {
    return principalKey(this.#grant.principal)
  }
  get mayPush(): boolean {
    return this.#grant.may('push', this.#repository)
  }
  mayPull(repository: RepositoryName): boolean {
    return this.#grant.may('pull', repository)
  }
}

/** `/v2/<name as the client wrote it>`: links keep the style the client used. */
export function baseOf(call: Call): string {
  return `/v2/${call.path.name}`
}
