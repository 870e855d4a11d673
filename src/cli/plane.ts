import type { CommandContext } from './command.ts'
import { UsageError } from './define.ts'
import { CONTRACT, withContract } from './local.ts'
import { localPlane } from './local-plane.ts'
import { findServer, SERVER } from './server.ts'
import type { ServerClient } from './server-client.ts'
import { serverPlane } from './server-plane.ts'

/** As `--json` prints it. Times are RFC 3339. */
export interface RegistryInfo {
  readonly id: string
  readonly name: string
  readonly location: string
  readonly state: string
  /** What stands before the repository in an image's name. */
  readonly hostname: string
  readonly scanning: boolean
  /** Addresses and networks; none: everybody. */
  readonly allowList: readonly string[]
  readonly gcSchedule: GcInfo | null
  readonly usedBytes: number
  readonly createdAt: string
  readonly createdBy: string
}

export interface GcInfo {
  readonly days: readonly string[]
  /** UTC time of day. */
  readonly time: string
}

/** What is absent stays as it is. */
export interface RegistryChange {
  readonly allowList?: readonly string[] | undefined
  readonly gcSchedule?: GcInfo | null | undefined
  readonly scanning?: true | undefined
}

/** What is absent stays as it is. */
export interface TokenChange {
  readonly scopes?: readonly ScopeInfo[] | undefined
  /** RFC 3339; null: never. */
  readonly expiryDate?: string | null | undefined
}

export interface UseInfo {
  readonly at: string
  readonly from: string
}

export interface SecretInfo {
  readonly id: string
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly lastUsed: UseInfo | null
}

export interface ScopeInfo {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

export interface TokenInfo {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly scopes: readonly ScopeInfo[]
  readonly expiresAt: string | null
  readonly effectiveExpiresAt: string | null
  readonly lastUsed: UseInfo | null
  readonly secrets: readonly SecretInfo[]
  readonly createdAt: string
  readonly createdBy: string
}

export interface NewToken {
  readonly name: string
  readonly scopes: readonly ScopeInfo[]
  readonly expiryDate: string | null
}

/** Registries and their tokens by name: on this machine's data or on a server. What is refused throws. */
export interface Plane {
  /** ` on https://…` for questions that must say where; empty on this machine. */
  readonly where: string
  createRegistry(input: {
    readonly name: string
    readonly location: string | null
    readonly scanning: boolean
  }): Promise<RegistryInfo>
  listRegistries(): Promise<RegistryInfo[]>
  getRegistry(name: string): Promise<RegistryInfo>
  changeRegistry(name: string, change: RegistryChange): Promise<RegistryInfo>
  /** `restorableUntil`: null where the server does not tell. */
  deleteRegistry(name: string): Promise<{ id: string; restorableUntil: string | null }>
  createToken(
    registry: string,
    input: NewToken,
  ): Promise<{ registry: RegistryInfo; token: TokenInfo; password: string }>
  listTokens(registry: string): Promise<TokenInfo[]>
  getToken(registry: string, name: string): Promise<TokenInfo>
  rotateToken(
    registry: string,
    name: string,
    input: { readonly expiryDate: string | undefined },
  ): Promise<{ token: TokenInfo; secretId: string; password: string }>
  changeToken(registry: string, name: string, change: TokenChange): Promise<TokenInfo>
  revokeSecret(registry: string, name: string, secretId: string): Promise<void>
  setTokenStatus(registry: string, name: string, status: 'enabled' | 'disabled'): Promise<void>
  deleteToken(registry: string, name: string): Promise<void>
}

/** Of commands that act here or there. */
export const PLANE = {
  ...CONTRACT,
  url: SERVER.url,
  contract: { ...CONTRACT.contract, about: 'whose; default: 1, or on a server your first' },
} as const

export interface WhichPlane {
  readonly config: string | undefined
  readonly data: string | undefined
  readonly contract: string | undefined
  readonly url: string | undefined
}

export type PlaneAct = (plane: Plane) => Promise<number>

/** On the server that is named or logged in to; without one on this machine's data. */
export async function withPlane(which: WhichPlane, context: CommandContext, act: PlaneAct): Promise<number> {
  const server = await serverUnlessHere(which, context)
  if (server !== null) return await act(serverPlane(server))
  return await withContract(which, context, (local, actor) => act(localPlane(local, actor)))
}

/** Null: on this machine, which --data and --config always mean. */
export async function serverUnlessHere(which: WhichPlane, context: CommandContext): Promise<ServerClient | null> {
  const isHere = which.data !== undefined || which.config !== undefined
  if (isHere && which.url !== undefined) {
    throw new UsageError('--url is for a server, --data and --config are for this machine: give one of them')
  }
  return isHere ? null : await findServer(which, context)
}
