import type { Principal } from '../domain/actor.ts'

/** `token:12`, `user:3`, `key:7`: the same principal whatever it shows, such as the opener of an upload. */
export function principalKey(principal: Principal): string {
  switch (principal.kind) {
    case 'registry_token':
      return `token:${principal.tokenId}`
    case 'user':
      return `user:${principal.identityId}`
    case 'api_key':
      return `key:${principal.apiKeyId}`
  }
}
