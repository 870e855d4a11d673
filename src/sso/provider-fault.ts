import { DomainError } from '../domain/error.ts'

/** A sentence about a provider's own description of itself. */
export class MetadataFault extends Error {
  override readonly name = 'MetadataFault'
}

/** What is wrong with a provider, for the administrator who configures it: what it says of itself is named, briefly. */
export function discoveryFault(issuer: string, error: unknown): DomainError {
  const chain = chainOf(error)
  const named = chain.find((one) => one.name === 'EgressError' || one instanceof MetadataFault)
  const why = named?.message ?? discoveryReason(chain)
  return new DomainError('input_invalid', `the identity provider ${issuer} cannot be used: ${why}`, { cause: error })
}

function discoveryReason(chain: readonly Error[]): string {
  const { code, cause }: { code?: unknown; cause?: unknown } = chain[0] ?? {}
  const where = 'its issuer followed by /.well-known/openid-configuration'
  if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    const said = (cause as { body?: { issuer?: unknown } } | undefined)?.body?.issuer
    return `it says that its issuer is "${String(said).slice(0, 200)}": write that one`
  }
  if (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM') {
    const status = (cause as { status?: unknown } | undefined)?.status
    return `${where} answers with status ${String(status)} instead of a configuration`
  }
  return `${where} does not answer with an OpenID configuration`
}

/**
 * Why a sign-on failed, in sentences that tell a stranger nothing: neither what the provider wrote, which whoever made the
 * link may have chosen, nor where it is. The rest is in the cause.
 */
export function describe(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  const chain = chainOf(error)
  const egress = chain.find(({ name }) => name === 'EgressError')
  if (egress || chain.some((one) => 'code' in one && one.code === 'OAUTH_TIMEOUT')) {
    return noAnswer(error)
  }
  const refused = chain.find((one) => 'error' in one && typeof one.error === 'string') as { error: string } | undefined
  if (refused) return providerSaid(refused.error, error)
  return refusal('unauthenticated', 'The answer of the sign-on service could not be verified. Sign in again.', error)
}

/** Nothing comes, or nothing that a provider would say. */
export function noAnswer(cause: unknown): DomainError {
  return refusal('unavailable', 'The sign-on service does not answer. Try again in a moment.', cause)
}

/** Source: RFC 6749, 4.1.2.1 and 5.2; OpenID Connect Core 1.0, 3.1.2.6. */
function providerSaid(code: string, cause: unknown): DomainError {
  switch (code) {
    case 'access_denied':
      return refusal('denied', 'The sign-on service did not let you in, or you cancelled. Sign in again.', cause)
    case 'invalid_grant':
      return refusal('unauthenticated', 'This sign-in took too long or was used already. Sign in again.', cause)
    case 'server_error':
    case 'temporarily_unavailable':
      return refusal('unavailable', 'The sign-on service has a problem. Try again in a moment.', cause)
    default:
      return refusal(
        'denied',
        'The sign-on service refuses this registry. An administrator of your contract can look at its settings.',
        cause,
      )
  }
}

function refusal(kind: 'denied' | 'unauthenticated' | 'unavailable', message: string, cause: unknown): DomainError {
  return new DomainError(kind, message, { cause })
}

function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let one = error; one instanceof Error && chain.length < 8; one = one.cause) chain.push(one)
  return chain
}
