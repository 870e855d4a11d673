import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'

// Schemas of every request and answer: validation, types and the text of the OpenAPI document.
// Source: management-api.md 2.1 to 2.5. Requests are as tolerant as its 2.6 (9) asks: unknown and read-only properties
// are ignored, null and "" stand for "not given" where clients send them. Rules that need words (names, times, networks)
// are the acts': their errors say what to write.

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

const nullable = <T extends TSchema>(schema: T, options = {}) => Type.Union([schema, Type.Null()], options)
const dateTime = (description: string) => Type.String({ format: 'date-time', description })

// --- parameters

const UUID = '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'
const uuid = (description: string) => Type.String({ pattern: UUID, expects: 'a UUID', description })

export const RegistryParams = Type.Object({ registryId: uuid('The id of the registry.') })
export const TokenParams = Type.Object({
  registryId: uuid('The id of the registry.'),
  tokenId: uuid('The id of the token.'),
})
export const NameParams = Type.Object({ name: Type.String({ description: 'The name somebody would like to use.' }) })

const limit = Type.Optional(Type.String({ description: 'How many items at most, 1 to 1000.', default: '100' }))

export const RegistriesQuery = Type.Object({
  'filter.name': Type.Optional(Type.String({ description: 'Part of the name, in any case.', maxLength: 63 })),
  limit,
  'pagination.token': Type.Optional(Type.String({ description: '`pagination.token` of the page before.' })),
  nextPageToken: Type.Optional(Type.String({ description: 'The same, as clients of version 1.0 call it.' })),
})
export const TokensQuery = Type.Object({
  offset: Type.Optional(Type.String({ description: 'How many items to skip.', default: '0' })),
  limit,
})

// --- shared parts

const ApiResourceMetadata = Type.Object({
  createdBy: Type.String({ description: 'E-mail of the user who made it.' }),
  createdByUserId: Type.String(),
  createdDate: dateTime('When it was made, UTC.'),
  lastModifiedBy: nullable(Type.String()),
  lastModifiedByUserId: nullable(Type.String()),
  lastModifiedDate: nullable(dateTime('When it was last changed; null: never.')),
  state: Type.String({ description: 'Registries: New, WaitingForStorage, Running. Tokens: their status.' }),
})

const Features = Type.Object({
  vulnerabilityScanning: Type.Object({
    enabled: Type.Boolean({ description: 'Images are compared with known vulnerabilities. Once on it stays on.' }),
  }),
})

const WeeklySchedule = Type.Object(
  {
    days: Type.Array(Type.Enum(DAYS)),
    time: Type.String({ description: 'UTC time of day, echoed as sent.', examples: ['01:23:00+00:00'] }),
  },
  { description: 'When bytes that nothing refers to any more are removed.' },
)

const Scope = Type.Object({
  actions: Type.Array(Type.String(), {
    description: 'pull (read), push (write), delete, or * for all; for registry: list.',
  }),
  name: Type.String({ description: 'Repository names relative to the registry; * stands for any characters.' }),
  type: Type.String({ description: 'repository, or registry for listing the catalog.' }),
})

const PaginationLinks = Type.Object({ next: Type.String(), previous: Type.String(), self: Type.String() })

export const ApiErrorResponse = Type.Object({
  httpStatus: Type.Integer(),
  messages: Type.Array(Type.Object({ errorCode: Type.String(), message: Type.String() })),
})

// --- locations

export const LocationsResponse = Type.Object({
  id: Type.Literal('locations'),
  type: Type.Literal('collection'),
  href: Type.String(),
  items: Type.Array(Type.Object({ id: Type.String({ examples: ['de/fra'] }) })),
})

// --- registries

const SentSchedule = Type.Object({
  days: nullable(Type.Array(Type.Enum(DAYS, { expects: `one of ${DAYS.join(', ')}` }), { maxItems: DAYS.length }), {
    description: 'null: as they are.',
  }),
  time: Type.String({ description: 'UTC time of day.', examples: ['01:00:00Z', '01:23:00+00:00'] }),
})
const SentFeatures = Type.Object({
  vulnerabilityScanning: Type.Optional(nullable(Type.Object({ enabled: Type.Boolean() }))),
})
const SentAllowList = Type.Array(Type.String(), {
  description: 'Addresses and networks that may push and pull; none: all. At most 25.',
})
/** What a PATCH may repeat, and what would only be overlooked in one. */
const unchangeable = (description: string) => Type.Optional(Type.String({ description }))
const NOT_WRAPPED = Type.Optional(
  Type.Never({
    expects: 'left out: a PATCH names the fields to change directly, without properties around them',
    description: 'A PATCH names the fields to change directly.',
  }),
)

export const PostRegistryInput = Type.Object({
  properties: Type.Object({
    name: Type.String({
      description:
        'Unique across all customers, 3 to 63 lower-case letters, digits and hyphens, as in a DNS label; cannot be changed.',
      examples: ['acme'],
    }),
    location: Type.String({ description: 'One of /locations; cannot be changed.', examples: ['de/fra'] }),
    garbageCollectionSchedule: Type.Optional(nullable(SentSchedule)),
    features: Type.Optional(nullable(SentFeatures)),
    apiSubnetAllowList: Type.Optional(nullable(SentAllowList)),
  }),
})

/** Exactly what is present changes. null means nothing but in the schedule: none. */
export const PatchRegistryInput = Type.Object({
  garbageCollectionSchedule: Type.Optional(nullable(SentSchedule)),
  features: Type.Optional(nullable(SentFeatures)),
  apiSubnetAllowList: Type.Optional(nullable(SentAllowList)),
  name: unchangeable('Cannot be changed: leave it out, or repeat it.'),
  location: unchangeable('Cannot be changed: leave it out, or repeat it.'),
  properties: NOT_WRAPPED,
})

export const RegistryResponse = Type.Object({
  id: Type.String(),
  type: Type.Literal('registry'),
  href: Type.String(),
  metadata: ApiResourceMetadata,
  properties: Type.Object({
    name: Type.String(),
    location: Type.String(),
    hostname: Type.String({ description: 'What stands before the repository in an image name; empty until Running.' }),
    garbageCollectionSchedule: nullable(WeeklySchedule),
    storageUsage: Type.Object({ bytes: Type.Integer(), updatedAt: nullable(dateTime('When it was counted.')) }),
    features: Features,
    apiSubnetAllowList: Type.Array(Type.String()),
  }),
})

export const RegistriesResponse = Type.Object({
  id: Type.Literal('registries'),
  type: Type.Literal('collection'),
  href: Type.String(),
  items: Type.Array(RegistryResponse),
  pagination: Type.Object({ limit: Type.Integer(), token: Type.String({ description: 'Empty on the last page.' }) }),
  limit: Type.Integer({ description: 'For clients of version 1.0.' }),
  nextPageToken: Type.String({ description: 'For clients of version 1.0.' }),
  _links: PaginationLinks,
})

// --- tokens

const status = (description: string) =>
  Type.Enum(['enabled', 'disabled', ''], { expects: 'enabled or disabled', description })

export const PostTokenInput = Type.Object({
  properties: Type.Object({
    name: Type.String({
      description: 'The user name to log in with; unique in the registry, cannot be changed.',
      examples: ['ci'],
    }),
    expiryDate: Type.Optional(nullable(Type.String({ description: 'RFC 3339; null or absent: never.' }))),
    scopes: Type.Optional(nullable(Type.Array(Scope, { description: 'Without any, the token may do nothing.' }))),
    status: Type.Optional(nullable(status('enabled unless said otherwise.'))),
  }),
})

/** Exactly what is present changes. null means nothing but in the date: never. */
export const PatchTokenInput = Type.Object({
  expiryDate: Type.Optional(nullable(Type.String({ description: 'RFC 3339; null: never.' }))),
  scopes: Type.Optional(
    nullable(Type.Array(Scope, { description: 'All of them; without any, the token may do nothing.' })),
  ),
  status: Type.Optional(nullable(status('Empty: as it is.'))),
  name: unchangeable('Cannot be changed: leave it out, or repeat it.'),
  properties: NOT_WRAPPED,
})

export const TokenResponse = Type.Object({
  id: Type.String(),
  type: Type.Literal('token'),
  href: Type.String(),
  metadata: ApiResourceMetadata,
  properties: Type.Object({
    credentials: Type.Object({
      username: Type.String(),
      password: Type.String({ description: 'In the answer to the creation only, otherwise empty.' }),
    }),
    name: Type.String(),
    expiryDate: nullable(dateTime('UTC, whole seconds; null: never.')),
    scopes: Type.Array(Scope),
    status: Type.Enum(['enabled', 'disabled']),
  }),
})

export const TokensResponse = Type.Object({
  id: Type.Literal('tokens'),
  type: Type.Literal('collection'),
  href: Type.String(),
  items: Type.Array(TokenResponse),
  count: Type.Integer(),
  limit: Type.Integer(),
  offset: Type.Integer(),
  total: Type.Integer(),
  _links: PaginationLinks,
})

export type PostRegistryInput = Static<typeof PostRegistryInput>
export type PatchRegistryInput = Static<typeof PatchRegistryInput>
export type PostTokenInput = Static<typeof PostTokenInput>
export type PatchTokenInput = Static<typeof PatchTokenInput>
export type LocationsResponse = Static<typeof LocationsResponse>
export type RegistryResponse = Static<typeof RegistryResponse>
export type RegistriesResponse = Static<typeof RegistriesResponse>
export type TokenResponse = Static<typeof TokenResponse>
export type TokensResponse = Static<typeof TokensResponse>
export type ApiErrorResponse = Static<typeof ApiErrorResponse>
export type RegistriesQuery = Static<typeof RegistriesQuery>
export type TokensQuery = Static<typeof TokensQuery>
export type ResourceMetadata = Static<typeof ApiResourceMetadata>
